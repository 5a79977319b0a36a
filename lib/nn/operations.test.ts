import { beforeAll, describe, expect, test } from 'vitest';
import { gelu } from './activation.ts';
import { windowAttention } from './attention.ts';
import { loadBackend } from './backend.ts';
import { kernels } from './backend-kernels.ts';
import { conv3d, patchEmbed, pointwise, upsample } from './convolution.ts';
import { linear } from './linear.ts';
import { instanceNorm, instanceNormRelu, layerNorm } from './norm.ts';
import { availableBackends, difference, fixture, numbers, volume } from './testing.ts';
import { tf } from './tf.ts';

type Reference = Readonly<Record<string, readonly number[]>>;
type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

const references = fixture<Record<string, Reference>>('operations');
const X = [2, 4, 6, 4, 3] as const;
const ROWS = [10, 3] as const;

const x = () => volume('x', X);
const rows = () => tf.mul(tensor('rows', ROWS), 4);
const tensor = (name: string, shape: readonly number[]) => tf.tensor(numbers(name, shape), [...shape]);
const scale = () => tf.add(tensor('scale', [3]), 1);
const shift = () => tensor('shift', [3]);
const filter = (...shape: number[]) => tensor('w', shape);

/** Operation, and its inputs by the names of their gradients in the fixture. */
const operations: Readonly<Record<string, readonly [Operation, Readonly<Record<string, () => tf.Tensor>>]>> = {
  conv3d: [(a, w) => conv3d([a as tf.Tensor5D], w as tf.Tensor5D), { x, w: () => filter(3, 3, 3, 3, 2) }],
  'conv3d-stride-2': [
    (a, w) => conv3d([a as tf.Tensor5D], w as tf.Tensor5D, { stride: 2 }),
    { x, w: () => filter(3, 3, 3, 3, 2) },
  ],
  pointwise: [(a, w) => pointwise([a as tf.Tensor5D], w as tf.Tensor5D), { x, w: () => filter(1, 1, 1, 3, 2) }],
  upsample: [
    (a, w, b) => upsample(a as tf.Tensor5D, w as tf.Tensor5D, b as tf.Tensor1D),
    { x, w: () => filter(2, 2, 2, 2, 3), b: () => tensor('b', [2]) },
  ],
  'instance-norm': [
    (a, s, t) => instanceNorm(a as tf.Tensor5D, { scale: s as tf.Tensor1D, shift: t as tf.Tensor1D }),
    { x, scale, shift },
  ],
  'layer-norm': [
    (a, s, t) => layerNorm(a as tf.Tensor2D, { scale: s as tf.Tensor1D, shift: t as tf.Tensor1D }),
    { x: rows, scale, shift },
  ],
  'instance-norm-relu': [
    (a, s, t, b) =>
      instanceNormRelu(a as tf.Tensor5D, {
        affine: { scale: s as tf.Tensor1D, shift: t as tf.Tensor1D },
        shortcut: b as tf.Tensor5D,
      }),
    { x, scale, shift, shortcut: () => volume('shortcut', [2, 4, 6, 4, 3]) },
  ],
  gelu: [(a) => gelu(a as tf.Tensor2D), { x: rows }],
};

/** Value, and gradients of the value's product with numbers('dy'). */
function evaluate(operation: Operation, inputs: tf.Tensor[]): { y: tf.Tensor; gradients: tf.Tensor[] } {
  const y = operation(...inputs);
  const dy = tensor('dy', y.shape);
  return { y, gradients: tf.grads((...args) => tf.sum(tf.mul(operation(...args), dy)))(inputs) };
}

/** Gradients by central differences, in float32 on numbers of order one. */
function numericGradient(operation: Operation, inputs: tf.Tensor[], which: number): number[] {
  const step = 1e-2;
  const values = inputs[which]!.dataSync();
  const at = (i: number, delta: number) => {
    const moved = Float32Array.from(values);
    moved[i]! += delta;
    const changed = inputs.map((input, k) => (k === which ? tf.tensor(moved, input.shape) : input));
    const y = operation(...changed);
    return tf.sum(tf.mul(y, tensor('dy', y.shape))).dataSync()[0]!;
  };
  return Array.from(values, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

describe.each(await availableBackends())('operations on the %s backend', (backend) => {
  beforeAll(async () => {
    await loadBackend(backend);
  });

  test.each(Object.keys(operations))('%s has the values and gradients of PyTorch', (name) => {
    const [operation, inputs] = operations[name]!;
    tf.tidy(() => {
      const { y, gradients } = evaluate(
        operation,
        Object.values(inputs).map((make) => make()),
      );
      expect(difference(y.dataSync(), references[name]!.y!)).toBeLessThan(2e-5);
      Object.keys(inputs).forEach((input, i) => {
        expect(difference(gradients[i]!.dataSync(), references[name]![`d_${input}`]!), input).toBeLessThan(5e-5);
      });
    });
  });

  test('a convolution of parts equals that of their concatenation', () => {
    tf.tidy(() => {
      const [a, b, w] = [volume('a', [1, 4, 4, 4, 2]), volume('b', [1, 4, 4, 4, 3]), filter(3, 3, 3, 5, 4)];
      const whole = evaluate((p, q, f) => conv3d([tf.concat([p!, q!], 4) as tf.Tensor5D], f as tf.Tensor5D), [a, b, w]);
      const parts = evaluate((p, q, f) => conv3d([p as tf.Tensor5D, q as tf.Tensor5D], f as tf.Tensor5D), [a, b, w]);
      expect(difference(parts.y.dataSync(), whole.y.dataSync())).toBeLessThan(2e-5);
      parts.gradients.forEach((gradient, i) => {
        expect(difference(gradient.dataSync(), whole.gradients[i]!.dataSync())).toBeLessThan(2e-5);
      });
    });
  });

  test('an embedding of patches equals a 2³ convolution with stride 2', () => {
    tf.tidy(() => {
      const image = volume('image', [2, 4, 6, 4, 2]);
      const [w, bias] = [filter(2, 2, 2, 2, 3) as tf.Tensor5D, shift() as tf.Tensor1D];
      const patches = patchEmbed(image, w, bias);
      // Computed voxel by voxel: the eight taps of one output voxel and channel.
      const pixels = image.arraySync() as number[][][][][];
      const taps = w.arraySync() as number[][][][][];
      const expected = Array.from(patches.dataSync(), (_, i) => {
        const o = i % 3;
        const [b, z, y, x] = [Math.floor(i / 36), Math.floor(i / 18) % 2, Math.floor(i / 6) % 3, Math.floor(i / 3) % 2];
        let sum = bias.dataSync()[o]!;
        for (let t = 0; t < 16; t++) {
          const [dz, dy, dx, c] = [t >> 3, (t >> 2) & 1, (t >> 1) & 1, t & 1] as const;
          sum += pixels[b]![2 * z + dz]![2 * y + dy]![2 * x + dx]![c]! * taps[dz]![dy]![dx]![c]![o]!;
        }
        return sum;
      });
      expect(difference(patches.dataSync(), expected)).toBeLessThan(1e-5);
    });
  });

  test('attention and linear layers have the gradients of central differences', () => {
    tf.tidy(() => {
      const mask = tf.tensor4d([0, -100, 0, -100, 0, 0, 0, 0, 0], [1, 1, 3, 3]);
      const both = tf.concat([tf.zeros([1, 1, 3, 3]), mask], 0) as tf.Tensor4D;
      const parts = [{ windows: 1 }, { windows: 1, mask }, { windows: 2, mask: both }];
      const attend: Operation = (qkv, bias) =>
        windowAttention(qkv as tf.Tensor2D, bias as tf.Tensor3D, { heads: 2, parts });
      const dense: Operation = (a, w, b) => linear(a as tf.Tensor2D, w as tf.Tensor2D, b as tf.Tensor1D);
      const cases: readonly [Operation, tf.Tensor[]][] = [
        [attend, [tf.mul(tensor('qkv', [12, 12]), 4), tensor('bias', [2, 3, 3])]],
        [dense, [rows(), tensor('w', [3, 4]), tensor('b', [4])]],
      ];
      for (const [operation, inputs] of cases) {
        const { gradients } = evaluate(operation, inputs);
        inputs.forEach((_, i) => {
          expect(difference(gradients[i]!.dataSync(), numericGradient(operation, inputs, i))).toBeLessThan(2e-3);
        });
      }
    });
  });

  test('rows are summed exactly, also those used as a factor of a product', () => {
    tf.tidy(() => {
      const x = tf.tensor2d(numbers('many', [4096, 3]), [4096, 3]);
      const expected = [0, 0, 0];
      x.dataSync().forEach((value, i) => {
        expected[i % 3]! += value;
      });
      const before = kernels().matMul(tf.ones([2, 4096]), x);
      expect(difference(kernels().sumRows(x).dataSync(), expected)).toBeLessThan(2e-5);
      const after = kernels().matMul(tf.ones([2, 4096]), x);
      for (const product of [before, after]) {
        expect(difference(product.dataSync(), [...expected, ...expected])).toBeLessThan(1e-3);
      }
    });
  });

  test('a masked token is not attended to', () => {
    tf.tidy(() => {
      const qkv = tensor('qkv', [2, 6]) as tf.Tensor2D;
      const mask = tf.tensor4d([0, -100, -100, 0], [1, 1, 2, 2]);
      const mixed = windowAttention(qkv, tf.zeros([1, 2, 2]), { heads: 1, parts: [{ windows: 1, mask }] });
      expect(difference(mixed.dataSync(), tf.slice(qkv, [0, 4], [2, 2]).dataSync())).toBeLessThan(1e-6);
    });
  });
});
