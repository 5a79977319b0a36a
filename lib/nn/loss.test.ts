import { beforeAll, describe, expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { deepSupervision, diceCrossEntropy, type LossOptions } from './loss.ts';
import { availableBackends, difference, fixture, numbers, volume } from './testing.ts';
import { tf } from './tf.ts';

const references = fixture<Record<string, { readonly value: number; readonly gradient: readonly number[] }>>('loss');
const GRID = [2, 4, 4, 4] as const;
const logits = () => volume('logits', [...GRID, 3]);
const target = () =>
  tf.tensor4d(
    numbers('target', GRID).map((value) => Math.floor((value + 0.5) * 3)),
    [...GRID],
    'int32',
  );
const options: Readonly<Record<string, LossOptions>> = {
  batch: {},
  case: { batchDice: false },
  masked: { voxelWeight: [0, 1] },
};
const evaluate = (loss: (z: tf.Tensor5D) => tf.Scalar, z: tf.Tensor5D) => {
  const { value, grad } = tf.valueAndGrad((a) => loss(a as tf.Tensor5D))(z);
  return { value: value.dataSync()[0]!, gradient: grad.dataSync() };
};

describe.each(await availableBackends())('Dice and cross-entropy on the %s backend', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend);
  });

  test.each(Object.keys(options))('has the value and gradient of PyTorch (%s)', (name) => {
    tf.tidy(() => {
      const { value, gradient } = evaluate((z) => diceCrossEntropy(z, target(), options[name]), logits());
      expect(value).toBeCloseTo(references[name]!.value, 5);
      expect(difference(gradient, references[name]!.gradient)).toBeLessThan(1e-6);
    });
  });

  test('gives the same loss for classes and for their probabilities', () => {
    tf.tidy(() => {
      const soft = tf.cast(tf.oneHot(target(), 3), 'float32') as tf.Tensor5D;
      for (const batchDice of [true, false]) {
        const hard = evaluate((z) => diceCrossEntropy(z, target(), { batchDice, voxelWeight: [1, 2] }), logits());
        const same = evaluate((z) => diceCrossEntropy(z, soft, { batchDice, voxelWeight: [1, 2] }), logits());
        expect(same.value).toBeCloseTo(hard.value, 6);
        expect(difference(same.gradient, hard.gradient)).toBeLessThan(1e-7);
      }
    });
  });

  test('ignores the values of a case without a target', () => {
    tf.tidy(() => {
      const classes = target().dataSync();
      const other = tf.tensor4d(
        classes.map((value, i) => (i < classes.length / 2 ? 2 - value : value)),
        [...GRID],
        'int32',
      );
      const masked = { voxelWeight: [0, 1] };
      const a = evaluate((z) => diceCrossEntropy(z, target(), masked), logits());
      const b = evaluate((z) => diceCrossEntropy(z, other, masked), logits());
      expect(b.value).toBe(a.value);
      expect(difference(b.gradient, a.gradient)).toBe(0);
      expect(Array.from(a.gradient.subarray(0, a.gradient.length / 2)).every((value) => value === 0)).toBe(true);
      expect(diceCrossEntropy(logits(), target(), { voxelWeight: [0, 0] }).dataSync()[0]).toBe(0);
    });
  });

  test('can weight the foreground in the cross-entropy, with the right gradient', () => {
    tf.tidy(() => {
      const weighted: LossOptions = { foregroundWeight: 5, voxelWeight: [1, 3] };
      const z = volume('logits', [2, 1, 1, 2, 3]);
      const t = tf.tensor4d([0, 1, 2, 0], [2, 1, 1, 2], 'int32');
      const { value, gradient } = evaluate((a) => diceCrossEntropy(a, t, weighted), z);
      // The Dice part does not depend on the weight: only the cross-entropy differs.
      const plain = diceCrossEntropy(z, t, { voxelWeight: [1, 3] }).dataSync()[0]!;
      const log = tf.logSoftmax(z).dataSync();
      const surprise = [0, 1, 2, 0].map((label, voxel) => -log[voxel * 3 + label]!);
      const mean = (w: readonly number[]) =>
        surprise.reduce((sum, s, i) => sum + s * w[i]!, 0) / w.reduce((sum, v) => sum + v, 0);
      expect(value - plain).toBeCloseTo(mean([1, 5, 15, 3]) - mean([1, 1, 3, 3]), 5);
      const at = (i: number, step: number) => {
        const moved = Float32Array.from(z.dataSync());
        moved[i]! += step;
        return diceCrossEntropy(tf.tensor(moved, z.shape), t, weighted).dataSync()[0]!;
      };
      const numeric = Array.from(gradient, (_, i) => (at(i, 1e-2) - at(i, -1e-2)) / 2e-2);
      expect(difference(gradient, numeric)).toBeLessThan(1e-3);
    });
  });

  test('is -1 for a perfect prediction, with scales weighted 4/7, 2/7, 1/7', () => {
    tf.tidy(() => {
      const sure = (t: tf.Tensor) => tf.mul(t, 60) as tf.Tensor5D;
      const t = tf.cast(tf.oneHot(target(), 3), 'float32') as tf.Tensor5D;
      expect(diceCrossEntropy(sure(t), target()).dataSync()[0]).toBeCloseTo(-1, 4);
      const coarse = tf.avgPool3d(t, 2, 2, 'valid');
      const scales = [logits(), volume('half', [2, 2, 2, 2, 3]), volume('quarter', [2, 1, 1, 1, 3])];
      const expected = [t, coarse, tf.avgPool3d(coarse, 2, 2, 'valid')].map(
        (wanted, i) => diceCrossEntropy(scales[i]!, wanted).dataSync()[0]!,
      );
      expect(deepSupervision(scales, target()).dataSync()[0]).toBeCloseTo(
        (4 * expected[0]! + 2 * expected[1]! + expected[2]!) / 7,
        5,
      );
      expect(deepSupervision(scales.slice(0, 1), target()).dataSync()[0]).toBeCloseTo(expected[0]!, 5);
    });
  });
});
