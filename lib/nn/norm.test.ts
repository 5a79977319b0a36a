import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { instanceNorm } from './norm.ts';
import { availableBackends, difference, numbers } from './testing.ts';
import { tf } from './tf.ts';

describe.each(await availableBackends())('normalisation on the %s backend', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend);
  });

  // Two cases of 36·40·48 voxels, far from zero: a single float32 total gets their sums wrong in the fifth digit.
  test("a large volume and its gradient are as exact as a small one's", () => {
    const shape = [2, 36, 40, 48, 2] as const;
    const voxels = 36 * 40 * 48;
    const of = (values: Float32Array, b: number, c: number) =>
      Array.from({ length: voxels }, (_, i) => values[(b * voxels + i) * 2 + c]!);
    const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / voxels;
    tf.tidy(() => {
      const large = tf.add(tf.tensor(numbers('large', shape), [...shape]), 1.5) as tf.Tensor5D;
      const dys = numbers('dy', shape);
      const { value: y, grad: dx } = tf.valueAndGrad((a) => instanceNorm(a as tf.Tensor5D))(
        large,
        tf.tensor(dys, [...shape]),
      );
      const xs = large.dataSync<'float32'>();
      for (const [b, c] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const [values, dy] = [of(xs, b, c), of(dys, b, c)];
        const mean = average(values);
        const deviation = Math.sqrt(average(values.map((value) => (value - mean) ** 2)) + 1e-5);
        const unit = values.map((value) => (value - mean) / deviation);
        const along = average(unit.map((value, i) => value * dy[i]!));
        const dMean = average(dy);
        const expected = unit.map((value, i) => (dy[i]! - dMean - value * along) / deviation);
        expect(difference(of(y.dataSync<'float32'>(), b, c), unit)).toBeLessThan(5e-6);
        expect(difference(of(dx.dataSync<'float32'>(), b, c), expected)).toBeLessThan(5e-6);
      }
    });
  });
});
