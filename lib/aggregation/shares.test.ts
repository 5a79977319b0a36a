import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plannedAggregation } from '../federation/schemas.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import { untrainedMetadata } from '../weights/untrained.ts';
import { weightsOf } from './shares.ts';
import { configured, f32, floatsOf, memoryStore, merge, mergedModel, model, storeUpdate } from './testing.ts';

const AVERAGES = ['fedavg', 'fedavgm', 'fedadam', 'fedyogi'] as const;

const counts = fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 1, maxLength: 40 });
const factor = fc.oneof(fc.constant(1), fc.constant(3), fc.double({ min: 1, max: 10, noNaN: true }));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe('weightsOf', () => {
  test('limits every share, and lowers no weight below another', () => {
    fc.assert(
      fc.property(counts, factor, (samples, shareFactor) => {
        const weights = weightsOf(samples, shareFactor);

        const most = Math.max(...weights);
        expect(most / sum(weights)).toBeLessThanOrEqual(Math.min(1, shareFactor / samples.length) * (1 + 1e-12));
        // What is reduced has the largest weight of all; everything else keeps its samples.
        for (const [i, weight] of weights.entries()) expect([samples[i], most]).toContain(weight);
      }),
    );
  });

  test('does not depend on by how much a claim is too large', () => {
    const honest = [10, 20, 30, 40, 50, 60, 70];

    expect(weightsOf([...honest, 1e9], 3)).toEqual(weightsOf([...honest, 1000], 3));
    // Three eighths: 168 of 168 + 280.
    expect(weightsOf([...honest, 1e9], 3)).toEqual([...honest, 168]);
  });

  test.each([
    ['hinge points', [78, 30, 27, 42, 20, 34, 25]],
    ['membranous septum', [73, 20, 23]],
    ['calcification', [78, 20, 20]],
    ['the student', [813, 1819, 3001, 1829, 534, 42, 60, 26]],
  ])('with the default changes nothing for %s of the paper', (_, samples) => {
    expect(weightsOf(samples, 3)).toEqual(samples);
  });

  test('limits nothing without a limit, or among too few updates', () => {
    expect(weightsOf([1, 1, 1, 1e9], null)).toEqual([1, 1, 1, 1e9]);
    expect(weightsOf([1, 1, 1, 1e9], undefined)).toEqual([1, 1, 1, 1e9]);
    expect(weightsOf([1, 1, 1e9], 3)).toEqual([1, 1, 1e9]);
  });
});

describe('a site that claims too many cases', () => {
  const planned = (strategy: (typeof AVERAGES)[number], options = {}) =>
    plannedAggregation(configured(strategy, { clipFactor: null, ...options }));

  const stored = async (claimed: number) => {
    const store = memoryStore();
    const values = [1, 2, 3, 4, 5, 6, 7, 100];
    const inputs = await Promise.all(
      values.map((value, i) => storeUpdate(store, `site-${i}`, i === 7 ? claimed : 10, model(value, -value))),
    );
    return { store, inputs };
  };

  test.each(AVERAGES)('has a limited share in %s', async (strategy) => {
    const [many, more, limited, honest] = [await stored(100), await stored(1e9), await stored(42), await stored(10)];
    const aggregation = planned(strategy);
    const mergeOf = ({ store, inputs }: typeof many, options = {}) =>
      merge(store, inputs, { aggregation: planned(strategy, options) });

    const merged = await mergedModel(many.store, many.inputs, { aggregation });

    // Seven with weight 10, and one with three eighths: 42 of 112.
    expect(floatsOf(merged)[0]).toBe(Math.fround((10 * 28 + 42 * 100) / 112));
    expect(await mergeOf(more)).toEqual(await mergeOf(many));
    expect(await mergeOf(limited, { shareFactor: null })).toEqual(await mergeOf(many));
    expect(await mergeOf(honest, { shareFactor: null })).toEqual(await mergeOf(honest));
  });

  test('has a limited share in a head among the sites that trained it', async () => {
    const store = memoryStore();
    const inputs = await Promise.all(
      [0, 0, 0, 8, 0].map((value, i) => {
        const weights = new Map([
          ['body.w', f32([value])],
          ['out.head', f32([value])],
        ]);
        const file = encodeSafetensors(weights, untrainedMetadata(i === 4 ? ['out.head'] : []));
        return storeUpdate(store, `site-${i}`, i === 3 ? 1e9 : 1, file);
      }),
    );

    const merged = await mergedModel(store, inputs, { aggregation: planned('fedavg', { untrained: 'skip' }) });

    // Three of five shares of the body, three of four of the head.
    const [body, head] = floatsOf(merged);
    expect(body).toBeCloseTo((8 * 3) / 5, 6);
    expect(head).toBeCloseTo((8 * 3) / 4, 6);
  });
});
