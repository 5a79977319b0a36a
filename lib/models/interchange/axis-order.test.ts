import { beforeAll, describe, expect, test } from 'vitest';
import { AXIS_ORDERS, type AxisOrder } from '../../federation/schemas/model.ts';
import type { ModelConfig, SwinUnetrConfig, UNetConfig } from '../../federation/schemas.ts';
import { TASKS } from '../../federation/tasks.ts';
import { loadBackend } from '../../nn/backend.ts';
import { difference, volume } from '../../nn/testing.ts';
import { tf } from '../../nn/tf.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import type { Tensors, Weights } from '../../weights/weights.ts';
import { permutationOf } from '../axes.ts';
import { createNetwork } from '../network.ts';
import { inAxisOrder } from './axis-order.ts';
import { exportMetadata } from './metadata.ts';
import { fromMonai, toMonai } from './monai.ts';
import { fromNnunet, toNnunet } from './nnunet.ts';
import { fingerprint, unevenWeights } from './testing.ts';
import { asTorch, fromTorch } from './torch.ts';

const swin = (window: number, axes?: AxisOrder): SwinUnetrConfig => ({
  kind: 'swin-unetr',
  featureSize: 12,
  depths: [2, 2, 2, 2],
  heads: [3, 6, 12, 24],
  window,
  ...(axes && { axes }),
});
const UNET: UNetConfig = { kind: 'unet', features: [4, 6, 8], deepSupervision: true };
const HEADS = [TASKS['hinge-points']];
const OTHERS = AXIS_ORDERS.filter((order) => order !== 'zyx');

/** Made once for each network: most tests need the same millions of values. */
const made = new Map<string, Weights>();
function weightsOf(model: ModelConfig): Weights {
  const name = JSON.stringify(model);
  const weights = made.get(name) ?? unevenWeights(model, HEADS);
  made.set(name, weights);
  return weights;
}

/** The network's logits of one head at the finest scale, [b, z, y, x, c]. */
const logitsOf = (model: ModelConfig, weights: Weights, x: tf.Tensor5D): tf.Tensor5D => {
  const network = createNetwork(model, HEADS, 0);
  network.load(weights);
  const logits = network.forward(x).get('hinge-points')![0]!;
  network.dispose();
  return logits;
};

/** A volume whose axes come as `from`, with its axes as `to`. */
const turned = (x: tf.Tensor5D, from: AxisOrder, to: AxisOrder): tf.Tensor5D =>
  tf.transpose(x, [0, ...permutationOf(from, to).map((axis) => axis + 1), 4]);

/** Largest difference of `actual`, whose axes come as `axes`, from `expected`. */
const error = (actual: tf.Tensor5D, axes: AxisOrder, expected: tf.Tensor5D): number =>
  difference(turned(actual, axes, 'zyx').dataSync(), expected.dataSync());

beforeAll(async () => {
  await loadBackend();
});

describe('on a volume with its axes in another order, a network with weights in that order has the same logits', () => {
  test.each(OTHERS)('%s, UNet', (axes) => {
    const weights = weightsOf(UNET);
    const converted = fromNnunet(inAxisOrder(toNnunet(weights, UNET, HEADS), 'zyx', axes), UNET, HEADS);
    tf.tidy(() => {
      const x = volume('image', [1, 8, 16, 12, 1]);
      const expected = logitsOf(UNET, weights, x);
      const y = turned(x, 'zyx', axes);
      expect(error(logitsOf(UNET, converted, y), axes, expected)).toBeLessThan(2e-5);
      expect(error(logitsOf(UNET, weights, y), axes, expected)).toBeGreaterThan(0.01);
    });
  });

  // Windows of 2 fill every grid; windows of 3 are padded and shifted, and never larger than the grid.
  test.each([
    ['xyz', 2, [32, 64, 32]] as const,
    ['yzx', 2, [32, 64, 32]] as const,
    ['zxy', 2, [32, 64, 32]] as const,
    ['xyz', 3, [64, 96, 64]] as const,
  ])('%s, Swin UNETR with windows of %i³ on %o', (axes, window, grid) => {
    const model = swin(window);
    const weights = weightsOf(model);
    const converted = fromMonai(inAxisOrder(toMonai(weights, model, HEADS), 'zyx', axes), model, HEADS);
    tf.tidy(() => {
      const x = volume('image', [1, ...grid, 1]);
      const expected = logitsOf(model, weights, x);
      const y = turned(x, 'zyx', axes);
      expect(error(logitsOf(model, converted, y), axes, expected)).toBeLessThan(1e-4);
      expect(error(logitsOf(model, weights, y), axes, expected)).toBeGreaterThan(0.01);
    });
  });
});

test.each(['xyz', 'yzx'] as const)('a model whose network gets its axes as %s turns volumes and logits', (axes) => {
  const weights = weightsOf(swin(2));
  tf.tidy(() => {
    const x = volume('image', [1, 32, 64, 32, 1]);
    const expected = logitsOf(swin(2), weights, turned(x, 'zyx', axes));
    expect(difference(logitsOf(swin(2, axes), weights, x).dataSync(), turned(expected, axes, 'zyx').dataSync())).toBe(
      0,
    );
  });
});

describe('a file with its axes in another order', () => {
  const file = (tensors: Tensors, axes?: AxisOrder) => encodeSafetensors(tensors, axes && exportMetadata(HEADS, axes));
  const foreign = { heads: HEADS, patchMerging: 'monai-1.5', normalize: true } as const;

  // On patches of 64, windows of 7 are whole, whole, whole, and 4³; on patches of 32, the last two are smaller.
  test.each(
    AXIS_ORDERS.flatMap((axes) => [
      [axes, UNET, 32] as const,
      [axes, swin(2), 32] as const,
      // Of these networks, orders that are and that are not their own inverse.
      ...(axes === 'xyz' || axes === 'yzx'
        ? [[axes, swin(4), 32] as const, [axes, swin(7), 64] as const, [axes, swin(7, 'yxz'), 32] as const]
        : []),
    ]),
  )('%s is read by its header, or as said: %o, patches of %i', (axes, model, patch) => {
    const weights = weightsOf(model);
    const exported = asTorch({ model, weights, tasks: HEADS, patch }, axes);

    const byHeader = fromTorch({ model, patch }, file(exported, axes));
    const asSaid = fromTorch({ model, patch }, file(exported), { ...foreign, axes });

    expect(fingerprint(byHeader.weights)).toEqual(fingerprint(weights));
    expect(fingerprint(asSaid.weights)).toEqual(fingerprint(weights));
  });

  test('is assumed to be that of its tool, and this is told', () => {
    for (const [model, axes, note] of [
      [swin(2), 'xyz', /axes \[x, y, z\], as MONAI's/],
      [UNET, 'zyx', /axes \[z, y, x\], as nnU-Net/],
    ] as const) {
      const weights = weightsOf(model);
      const exported = file(asTorch({ model, weights, tasks: HEADS, patch: 32 }, axes));

      const imported = fromTorch({ model, patch: 32 }, exported, foreign);

      expect(fingerprint(imported.weights)).toEqual(fingerprint(weights));
      expect(imported.notes).toContainEqual(expect.stringMatching(note));
      const said = fromTorch({ model, patch: 32 }, exported, { ...foreign, axes });
      expect(said.notes).not.toContainEqual(expect.stringMatching(note));
    }
  });

  test('that the header denies is refused', () => {
    const weights = asTorch({ model: UNET, weights: weightsOf(UNET), tasks: HEADS, patch: 32 }, 'xyz');
    expect(() => fromTorch({ model: UNET, patch: 32 }, file(weights, 'xyz'), { axes: 'zyx' })).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringContaining('axes are xyz, not zyx') }),
    );
  });

  test('is refused if smaller windows have no equal, with the order that they need', () => {
    const tensors = toMonai(weightsOf(swin(7)), swin(7), HEADS);
    const read = (model: SwinUnetrConfig, patch: number, from: Tensors = tensors) =>
      fromTorch({ model, patch }, file(from), foreign).weights;
    const refusal = (text: string, hint: string) =>
      expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringContaining(text), hint });

    // 96, 48, 24 and 12 voxels or tokens along a side: no window is smaller.
    expect(read(swin(7), 192).size).toBe(weightsOf(swin(7)).size);
    expect(() => read(swin(7), 96)).toThrow(
      refusal('some of its windows have 6³ tokens instead of 7³', `Set "axes": "xyz" in the stage's "model".`),
    );
    expect(fingerprint(read(swin(7, 'xyz'), 96))).toEqual(fingerprint(weightsOf(swin(7))));
    // A network of fedcardio that was trained on in MONAI: its indices are in the file, its header is lost.
    const exported = asTorch({ model: swin(7), weights: weightsOf(swin(7)), tasks: HEADS, patch: 96 }, 'xyz');
    expect(() => read(swin(7, 'xyz'), 96, exported)).toThrow(
      refusal('6³', `Set "axes": "zyx" in the stage's "model".`),
    );
    expect(() => read(swin(7), 64, exported)).toThrow(refusal('4³', expect.stringContaining('another side')));
    const bad = new Map([
      ...exported,
      [
        'swinViT.layers1.0.blocks.0.attn.relative_position_index',
        { dtype: 'I64', shape: [1], data: new BigInt64Array(1) },
      ],
    ] as const);
    expect(() => read(swin(7), 96, bad)).toThrow(/is no index of position biases/);
  });
});
