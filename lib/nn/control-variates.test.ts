import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Weights, WeightTensor } from '../weights/weights.ts';
import { type AdamWOptions, createAdamW } from './adamw.ts';
import { disposeGroup, type Group, groupsOf } from './adamw-groups.ts';
import { loadBackend } from './backend.ts';
import { createControlVariates } from './control-variates.ts';
import { tf } from './tf.ts';
import { trainStep } from './train-step.ts';

beforeAll(async () => {
  await loadBackend();
});

const EPSILON = 1e6;
/** AdamW whose step is that of gradient descent with this learning rate, but for a millionth of it. */
const DESCENT: AdamWOptions = { beta1: 0, epsilon: EPSILON };
const rateOf = (learningRate: number) => learningRate * EPSILON;

const vector = (values: readonly number[]): WeightTensor => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const valuesOf = (weights: Weights, name = 'w') => Array.from(weights.get(name)!.data);
const minus = (a: Weights, b: Weights): Weights =>
  new Map([...a].map(([name, { data }]) => [name, vector(Array.from(data, (x, i) => x - b.get(name)!.data[i]!))]));
const meanOf = (all: readonly Weights[]): Weights =>
  new Map(
    [...all[0]!.keys()].map((name) => {
      const [first, ...others] = all.map((weights) => valuesOf(weights, name));
      return [name, vector(first!.map((x, i) => others.reduce((sum, y) => sum + y[i]!, x) / all.length))];
    }),
  );

/** The loss Σ aⱼ·(wⱼ − bⱼ)²/2 of a site. */
interface Quadratic {
  readonly a: readonly number[];
  readonly b: readonly number[];
}

interface Options {
  readonly steps: number;
  readonly rate: (step: number) => number;
  readonly adamw: AdamWOptions;
}

/** One site's steps from the global weights; returns its weights and mean gradient. */
function siteRound({ a, b }: Quadratic, global: Weights, correction: Weights | undefined, options: Options) {
  const w = tf.variable(tf.tensor1d(valuesOf(global)));
  const control = createControlVariates(correction, undefined);
  const optimizer = createAdamW(new Map([['w', w]]), { ...options.adamw, correct: control.correct });
  for (let step = 0; step < options.steps; step++) {
    trainStep([w], optimizer, options.rate(step), () =>
      tf.tidy(
        () => tf.div(tf.sum(tf.mul(tf.tensor1d([...a]), tf.square(tf.sub(w, tf.tensor1d([...b]))))), 2) as tf.Scalar,
      ),
    );
  }
  const result = { weights: new Map([['w', vector(Array.from(w.dataSync()))]]) as Weights, mean: control.means() };
  control.dispose();
  optimizer.dispose();
  w.dispose();
  return result;
}

/** Rounds of federated averaging over sites with equal weights, with or without control variates. */
function federation(
  sites: readonly Quadratic[],
  start: readonly number[],
  rounds: number,
  corrected: boolean,
  options: Options,
) {
  let global: Weights = new Map([['w', vector(start)]]);
  let own: readonly Weights[] | undefined;
  for (let round = 0; round < rounds; round++) {
    const c = own && meanOf(own);
    const results = sites.map((site, i) =>
      siteRound(site, global, corrected && c ? minus(c, own![i]!) : undefined, options),
    );
    global = meanOf(results.map(({ weights }) => weights));
    own = results.map(({ mean }) => mean);
  }
  return valuesOf(global);
}

/** The minimum of the mean loss. */
const optimumOf = (sites: readonly Quadratic[]) =>
  sites[0]!.a.map((_, j) => {
    const total = sites.reduce((sum, { a }) => sum + a[j]!, 0);
    return sites.reduce((sum, { a, b }) => sum + a[j]! * b[j]!, 0) / total;
  });
const furthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const quadratic = fc.record({
  a: fc.array(number(0.5, 2), { minLength: 3, maxLength: 3 }),
  b: fc.array(number(-3, 3), { minLength: 3, maxLength: 3 }),
});

describe('control variates', () => {
  test("are those of the paper's option II for gradient descent", () => {
    const values = fc.array(number(-1, 1), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(quadratic, values, values, values, fc.integer({ min: 1, max: 20 }), (site, start, c, own, steps) => {
        const learningRate = 0.1;
        const correction: Weights = new Map([['w', vector(c.map((x, i) => x - own[i]!))]]);
        const global: Weights = new Map([['w', vector(start)]]);
        const options = { steps, rate: () => rateOf(learningRate), adamw: DESCENT };

        const { weights, mean } = siteRound(site, global, correction, options);

        const moved = valuesOf(global).map((x, i) => (x - valuesOf(weights)[i]!) / (steps * learningRate));
        const optionTwo = own.map((x, i) => x - c[i]! + moved[i]!);
        expect(furthest(valuesOf(mean), optionTwo)).toBeLessThan(1e-4);
      }),
      { numRuns: 40 },
    );
  });

  test('bring gradient descent to the optimum of the mean loss, which federated averaging misses', () => {
    const options = { steps: 15, rate: () => rateOf(0.2), adamw: DESCENT };
    fc.assert(
      fc.property(quadratic, quadratic, number(-3, 3), (one, other, start) => {
        const sites = [one, other];
        const optimum = optimumOf(sites);

        const corrected = federation(sites, [start, start, start], 20, true, options);

        expect(furthest(corrected, optimum)).toBeLessThan(0.01);
      }),
      { numRuns: 5 },
    );
    const sites = [
      { a: [2, 1, 0.5], b: [3, -1, 2] },
      { a: [0.5, 1, 2], b: [-3, 2, -2] },
    ];
    const plain = federation(sites, [0, 0, 0], 20, false, options);
    expect(furthest(plain, optimumOf(sites))).toBeGreaterThan(0.5);
  });

  test('bring AdamW nearer to that optimum than federated averaging', () => {
    const cases = [
      [
        { a: [2, 1, 0.5], b: [3, -1, 2] },
        { a: [0.5, 1, 2], b: [-3, 2, -2] },
      ],
      [
        { a: [0.5, 2, 1], b: [0.2, 0.8, -0.4] },
        { a: [1.5, 0.5, 1], b: [-0.6, -0.1, 0.9] },
      ],
    ];
    const options = { steps: 20, rate: () => 0.03, adamw: {} };
    for (const sites of cases) {
      const [plain, corrected] = [false, true].map((on) => federation(sites, [0, 0, 0], 30, on, options));

      expect(furthest(corrected!, optimumOf(sites))).toBeLessThan(furthest(plain!, optimumOf(sites)) / 2);
    }
  });

  test('of sites with the same data change nothing, to the byte', () => {
    fc.assert(
      fc.property(quadratic, fc.integer({ min: 1, max: 5 }), (site, steps) => {
        const options = { steps, rate: () => 0.05, adamw: { weightDecay: 0.1, gradientClip: 1 } };
        const [plain, corrected] = [false, true].map((on) =>
          federation([site, site, site], [1, -1, 0], 3, on, options),
        );
        expect(corrected).toEqual(plain);
      }),
      { numRuns: 8 },
    );
  });

  test.each<readonly [string, Weights, Weights | undefined]>([
    ['correction', new Map([['w', vector([1])]]), undefined],
    [
      'state of an interrupted round',
      new Map([['w', vector([1, 2, 3])]]),
      new Map([
        ['sum/w', vector([1])],
        ['count/w', vector([1])],
      ]),
    ],
  ])('leave no tensor behind if their %s is of another network', (_, correction, state) => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const [group] = groupsOf(
      new Map([['w', w]]),
      () => '',
      () => 0,
      0,
    ) as [Group];
    const before = tf.memory().numTensors;
    const control = createControlVariates(correction, state);

    expect(() => control.correct(group, group.m)).toThrow('the control variate of w is missing or has another size');

    control.dispose();
    expect(tf.memory().numTensors).toBe(before);
    disposeGroup(group);
    w.dispose();
  });
});
