import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAdamW } from './adamw.ts';
import { loadBackend } from './backend.ts';
import { privateStep } from './private-step.ts';
import { tf } from './tf.ts';
import { trainStep } from './train-step.ts';

beforeAll(async () => {
  await loadBackend();
});

let weight: tf.Variable;
let bias: tf.Variable;
let unused: tf.Variable;
const all = () => [weight, bias, unused];
beforeEach(() => {
  [weight, bias, unused] = [tf.variable(tf.tensor1d([1, -2])), tf.variable(tf.scalar(0.5)), tf.variable(tf.scalar(3))];
});
afterAll(() => tf.disposeVariables());

/** ½(w·x + b − y)²: the gradient is the error times (x, 1). */
const loss = (x: readonly number[], y: number) => () =>
  tf.mul(tf.square(tf.sub(tf.add(tf.sum(tf.mul(weight, tf.tensor1d([...x]))), bias), y)), 0.5) as tf.Scalar;
const CASES = [
  { x: [3, 4], y: -6.5 },
  { x: [1, 0], y: 1.4 },
] as const;
const losses = CASES.map(({ x, y }) => loss(x, y));

/** The gradient that a step hands to the optimiser, by variable. */
function gradientOf(given: readonly (() => tf.Scalar)[], terms: Parameters<typeof privateStep>[4]) {
  const seen: Record<string, number[]> = {};
  const optimizer = {
    step: (gradients: Readonly<Record<string, tf.Tensor>>) => {
      for (const [name, gradient] of Object.entries(gradients)) seen[name] = [...gradient.dataSync()];
      return 1;
    },
  };
  const value = privateStep(all(), optimizer, 0.1, given, terms);
  return { value, gradient: all().flatMap(({ name }) => seen[name] ?? []) };
}

const quiet = (_: number, { length }: Float32Array) => new Float32Array(length);

describe('a step of DP-SGD', () => {
  test('clips the gradient of each case, as computed by hand', () => {
    // Errors 3 − 8 + 0.5 + 6.5 = 2 and 1 + 0.5 − 1.4 = 0.1; norms 2·√26 and 0.1·√2.
    const { value, gradient } = gradientOf(losses, { clip: 1, divisor: 4, noise: quiet });

    const root = Math.sqrt(26);
    const expected = [3 / root + 0.1, 4 / root, 1 / root + 0.1, 0].map((sum) => sum / 4);
    for (const [i, found] of gradient.entries()) expect(found).toBeCloseTo(expected[i] as number, 6);
    expect(value).toBeCloseTo((2 + 0.005) / 2, 5);
  });

  test('is a plain step with a large clip and no noise', () => {
    const start = all().map((variable) => [...variable.dataSync()]);
    const moved = (take: (optimizer: ReturnType<typeof createAdamW>) => void) => {
      for (const [i, variable] of all().entries()) variable.assign(tf.tensor(start[i] as number[], variable.shape));
      const optimizer = createAdamW(
        new Map([
          ['w', weight],
          ['b', bias],
        ]),
      );
      take(optimizer);
      optimizer.dispose();
      return all().flatMap((variable) => [...variable.dataSync()]);
    };

    const plain = moved((optimizer) => trainStep([weight, bias], optimizer, 0.1, ...losses));
    const hidden = moved((optimizer) =>
      privateStep([weight, bias], optimizer, 0.1, losses, { clip: 1e6, divisor: 2, noise: quiet }),
    );

    for (const [i, value] of plain.entries()) expect(hidden[i]).toBeCloseTo(value, 6);
  });

  test('adds its noise to every variable, also without any case', () => {
    let next = 0;
    const noise = (_: number, sum: Float32Array) => sum.map(() => ++next);

    const { value, gradient } = gradientOf([], { clip: 1, divisor: 2, noise });

    expect(value).toBeUndefined();
    expect(gradient).toEqual([0.5, 1, 1.5, 2]);
  });

  test('one case changes the sum by at most the clip, whatever it holds', () => {
    const terms = { clip: 0.7, divisor: 1, noise: quiet };
    const without = gradientOf(losses, terms).gradient;
    for (const added of [loss([1e3, -1e3], 1e4), loss([0, 1e-3], -2), loss([5, 5], 5)]) {
      const { gradient } = gradientOf([...losses, added], terms);
      const change = Math.hypot(...gradient.map((value, i) => value - (without[i] as number)));
      expect(change).toBeLessThanOrEqual(0.7 * (1 + 1e-5));
    }
  });

  test('refuses a gradient that is not finite', () => {
    expect(() => gradientOf([loss([Number.NaN, 1], 0)], { clip: 1, divisor: 1, noise: quiet })).toThrow(
      /loss became NaN/,
    );
  });
});
