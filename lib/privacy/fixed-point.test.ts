import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import type { TensorShape } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import { decodeMean, encodeFixed, errorBound, type FixedPoint, stepOf, stepsFor } from './fixed-point.ts';
import { maskedFile, maskedLayout, meanOfSums } from './masked-file.ts';
import { addToSum } from './ring-masks.ts';
import { LAYOUT, VALUES } from './testing-cohort.ts';

const sites = fc.array(
  fc.record({
    weight: fc.integer({ min: 0, max: 4000 }),
    value: fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.float({ noNaN: true, min: -1, max: 1 })),
  }),
  { minLength: 1, maxLength: 40 },
);
const range = fc.constantFrom(1e-6, 0.25, 1, 3e5);
const termsOf = (all: readonly { weight: number }[], bound: number): FixedPoint => ({
  range: bound,
  totalWeight: Math.max(
    1,
    all.reduce((sum, { weight }) => sum + weight, 0),
  ),
  sites: all.length,
});

describe('the fixed point', () => {
  test('never wraps, and is as far from the clipped mean as stated', () => {
    fc.assert(
      fc.property(sites, range, fc.boolean(), (all, bound, isExtreme) => {
        const terms = termsOf(all, bound);
        const values = all.map(({ value }) => (isExtreme ? Math.sign(value || 1) * 1e30 : value));
        const sum = new Int32Array(1);
        let exact = 0;
        for (const [i, { weight }] of all.entries()) {
          const fixed = new Int32Array(1);
          encodeFixed(Float32Array.of(values[i] as number), weight, terms, fixed);
          addToSum(sum, fixed);
          exact += fixed[0] as number;
        }

        expect(sum[0]).toBe(exact);
        const weight = all.reduce((total, one) => total + one.weight, 0);
        if (weight === 0) return;
        const mean = new Float32Array(1);
        decodeMean(sum, weight, terms, mean);
        const wanted =
          all.reduce((total, one, i) => {
            return total + one.weight * Math.max(-bound, Math.min(bound, Math.fround(values[i] as number)));
          }, 0) / weight;
        expect(Math.abs((mean[0] as number) - wanted)).toBeLessThanOrEqual(
          errorBound(terms, weight) + bound * 2 ** -23,
        );
      }),
    );
  });

  test('leaves the headroom that noise needs', () => {
    const terms = { range: 1, totalWeight: 10, sites: 2, headroom: 2 ** 30 };
    const fixed = new Int32Array(1);
    encodeFixed(Float32Array.of(5), 10, terms, fixed);

    expect(fixed[0]).toBeLessThanOrEqual(2 ** 31 - 1 - 2 ** 30);
    expect(fixed[0]).toBeGreaterThan(2 ** 30 - 10);
  });

  test('loses less than a float32 does for 25 sites and all cases of the federation', () => {
    const terms = { range: 1, totalWeight: 8124, sites: 25 };

    expect(errorBound(terms, 8124)).toBeLessThan(2 ** -27);
    expect(errorBound(terms, 8124 / 2)).toBeLessThan(2 ** -26);
  });

  test('counts what it clips, and refuses what is not finite', () => {
    const terms = { range: 1, totalWeight: 1, sites: 1 };

    expect(encodeFixed(Float32Array.of(1, -1, 0.5, 2, -3), 1, terms, new Int32Array(5))).toBe(2);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => encodeFixed(Float32Array.of(bad), 1, terms, new Int32Array(1))).toThrow(/cannot be added up/);
    }
  });

  test('has the steps that rounding at half of the sites leaves, and one at least', () => {
    expect([stepsFor(1), stepsFor(2), stepsFor(25)]).toEqual([2 ** 31 - 2, 2 ** 31 - 2, 2 ** 31 - 14]);
    const all = { range: 1, totalWeight: 2 ** 31 - 1, sites: 1 };
    expect(stepOf({ ...all, headroom: stepsFor(1) - 1 })).toBe(2 ** 31 - 1);
  });

  test.each([
    { range: 0 },
    { range: Number.NaN },
    { totalWeight: 0 },
    { totalWeight: 1.5 },
    { totalWeight: 2 ** 31 },
    { headroom: 2 ** 31 },
    { headroom: stepsFor(1) },
  ])('refuses terms without a step: %j', (bad) => {
    expect(() => stepOf({ range: 1, totalWeight: 1, sites: 1, ...bad })).toThrow(/no fixed point/);
  });
});

describe('a masked file', () => {
  const terms = { range: 1, totalWeight: 9, sites: 3 };
  const file = { layout: LAYOUT, terms, masks: [] };
  const written = (values: readonly Float32Array[], weight: (name: string) => number = () => 3) =>
    collect(maskedFile(file, values, weight));

  test('is a strict safetensors file of the model’s tensors, with their weights first', async () => {
    const parts = await written([new Float32Array(VALUES)]);
    const bytes = Buffer.concat(parts);

    const header = parseSafetensorsHeader(bytes);
    expect([...header.tensors.keys()]).toEqual(['secure/weights', 'a', 'b', 'c']);
    expect(header.dataStart + header.dataBytes).toBe(bytes.length);
  });

  test('adds noise before the masks', async () => {
    const parts = await collect(
      maskedFile(
        file,
        [new Float32Array(VALUES)],
        () => 3,
        (fixed) => fixed.fill(5),
      ),
    );

    expect([...new Int32Array(Uint8Array.from(parts.at(-1) as Uint8Array).buffer)]).toEqual(new Array(VALUES).fill(5));
  });

  test('may have any weight from 0 to what all sites weigh together', async () => {
    const values = [new Float32Array(VALUES)];

    expect((await written(values, () => 0)).length).toBe((await written(values, () => 9)).length);
  });

  test('becomes a mean whose parts name their tensors, and leaves the sum as it was', async () => {
    const layout = new Map<string, TensorShape>([['none', { dtype: 'F32', shape: [0] }], ...LAYOUT]);
    const sum = Int32Array.from({ length: layout.size + VALUES }, (_, i) => i);
    const before = sum.slice();
    const masks = [{ seed: new Uint8Array(32), sign: 1 }] as const;

    const parts = await collect(meanOfSums({ layout, terms, masks }, [sum.subarray(0, 8), sum.subarray(8)]));

    expect(parts.map(({ tensor, values }) => [tensor, values.length])).toEqual([
      ['a', 4],
      ['a', 2],
      ['b', 5],
      ['c', 1],
    ]);
    expect(sum).toEqual(before);
  });

  test('refuses integers, other lengths, and weights that are impossible', async () => {
    for (const dtype of ['I32', 'I64'] as const) {
      const counted = new Map<string, TensorShape>([...LAYOUT, ['steps', { dtype, shape: [1] }]]);
      expect(() => maskedLayout(counted)).toThrow(`"steps" is ${dtype}`);
    }
    await expect(written([new Float32Array(VALUES - 1)])).rejects.toThrow(/fewer/);
    await expect(written([new Float32Array(VALUES + 1)])).rejects.toThrow(/more/);
    for (const weight of [10, 0.5, -1, Number.NaN]) {
      const refused = expect(written([new Float32Array(VALUES)], () => weight)).rejects;
      await refused.toThrow(`weight of ${weight};`);
    }
    await expect(collect(meanOfSums(file, [new Int32Array(4)]))).rejects.toThrow(/fewer/);
  });
});
