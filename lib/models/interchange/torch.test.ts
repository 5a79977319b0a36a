import { describe, expect, test } from 'vitest';
import type { ModelConfig, SwinUnetrConfig, UNetConfig } from '../../federation/schemas.ts';
import { TASKS, type Task } from '../../federation/tasks.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import { elementsOf, type Tensor, type Tensors } from '../../weights/weights.ts';
import { initialWeights } from '../initial-weights.ts';
import { exportMetadata } from './metadata.ts';
import { withoutAliases } from './nnunet.ts';
import { fingerprint, SWIN } from './testing.ts';
import { asTorch, fromTorch, type ImportOptions } from './torch.ts';
import { swinUnetrArguments } from './torch-network.ts';

const UNET: UNetConfig = { kind: 'unet', features: [4, 6, 8], deepSupervision: true };
/** The axes that are assumed of a file without a header. */
const AXES = { 'swin-unetr': 'xyz', unet: 'zyx' } as const;
const HEADS: readonly Task[] = [TASKS.calcification];

const tensorsOf = (model: ModelConfig): Tensors =>
  withoutAliases(
    asTorch({ model, weights: initialWeights(model, HEADS, 1), tasks: HEADS, patch: 64 }, AXES[model.kind]),
  );
const read = (model: ModelConfig, tensors: Tensors, options: ImportOptions = { patchMerging: 'monai-1.5' }) =>
  fromTorch({ model, patch: 64 }, encodeSafetensors(tensors), options);
const zeros = (...shape: readonly number[]): Tensor => ({
  dtype: 'F32',
  shape,
  data: new Float32Array(elementsOf(shape)),
});
const renamed = (tensors: Tensors, rename: (name: string) => string): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
const withTensors = (tensors: Tensors, more: Readonly<Record<string, Tensor>>): Tensors =>
  new Map([...tensors, ...Object.entries(more)]);

test('prefixes are taken off and told, and what is not used is told', () => {
  for (const model of [SWIN, UNET]) {
    const wrapped = renamed(tensorsOf(model), (name) => `model.module.${name}`);
    const { weights, notes } = read(model, withTensors(wrapped, { 'loss.weight': zeros(2) }), {
      heads: HEADS,
      patchMerging: 'monai-1.5',
    });

    expect(fingerprint(weights)).toEqual(fingerprint(initialWeights(model, HEADS, 1)));
    expect(notes).toContainEqual('Taken off the names: "module.", "model.".');
    expect(notes).toContainEqual(expect.stringMatching(/^Not used: \d+ tensors, such as loss\.weight/));
  }
});

test('counters of batches are passed over', () => {
  const counter: Tensor = { dtype: 'I64', shape: [], data: BigInt64Array.of(9n) };
  const { notes } = read(SWIN, withTensors(tensorsOf(SWIN), { 'encoder1.layer.norm1.num_batches_tracked': counter }));
  expect(notes).toContainEqual(expect.stringContaining('encoder1.layer.norm1.num_batches_tracked'));
});

describe('the order of corners in patch merging', () => {
  test('must be said for a file that fedcardio did not export', () => {
    expect(() => read(SWIN, tensorsOf(SWIN), {})).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION', hint: expect.stringContaining('--patch-merging') }),
    );
    const { notes } = read(SWIN, tensorsOf(SWIN), { patchMerging: 'mergingv2' });
    expect(notes).toContainEqual('Patch merging is that of mergingv2.');
  });

  test('is known of a file that fedcardio exported', () => {
    const file = encodeSafetensors(tensorsOf(SWIN), exportMetadata(HEADS, 'xyz'));
    expect(fingerprint(fromTorch({ model: SWIN, patch: 64 }, file).weights)).toEqual(
      fingerprint(initialWeights(SWIN, HEADS, 1)),
    );
  });

  test('of MONAI before 1.5 needs a network that merges so, with the same axes', () => {
    const old: SwinUnetrConfig = { ...SWIN, merging: 'monai-1.4' };
    const said = { patchMerging: 'monai-1.4' as const };

    expect(() => read(SWIN, tensorsOf(SWIN), said)).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS', hint: expect.stringContaining('"merging": "monai-1.4"') }),
    );
    expect(() => read(old, tensorsOf(SWIN), said)).toThrow('cannot be converted to other axes: it has zyx');
    expect(() => read(old, tensorsOf(SWIN), { patchMerging: 'monai-1.5', axes: 'zyx' })).toThrow('those of monai-1.5');
    const whole = { ...old, axes: 'xyz' as const };
    const { weights } = read(whole, tensorsOf(SWIN), { ...said, heads: HEADS });
    const exported = { model: whole, weights, tasks: HEADS, patch: 64 };
    expect(() => asTorch(exported, 'zyx')).toThrow('it has xyz, the weights or the export zyx');
    expect(() => swinUnetrArguments(whole)).toThrow('no network that merges patches as monai-1.4');
    const again = encodeSafetensors(asTorch(exported, 'xyz'), exportMetadata(HEADS, 'xyz'));
    expect(fingerprint(fromTorch({ model: whole, patch: 64 }, again).weights)).toEqual(fingerprint(weights));
  });
});

test('normalize is assumed unless it is said, and normalize=False is refused', () => {
  const notesWith = (normalize?: boolean) =>
    read(SWIN, tensorsOf(SWIN), { patchMerging: 'monai-1.5', normalize }).notes.filter((note) =>
      note.includes('normalize=True'),
    );

  expect(notesWith()).toHaveLength(1);
  expect(notesWith(true)).toEqual([]);
  expect(() => notesWith(false)).toThrow(
    expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringContaining('normalize=False') }),
  );
});

describe('another network is named', () => {
  const conv = 'encoder.stages.0.0.convs.0.conv.weight';
  test.each<[ModelConfig, Tensors, string]>([
    [{ ...SWIN, featureSize: 24 }, tensorsOf(SWIN), 'feature_size=12 instead of 24'],
    [{ ...SWIN, depths: [2, 4, 2, 2] }, tensorsOf(SWIN), 'depths=[2, 2, 2, 2] instead of [2, 4, 2, 2]'],
    [{ ...SWIN, heads: [3, 6, 6, 12] }, tensorsOf(SWIN), 'num_heads=[3, 6, 12, 24] instead of [3, 6, 6, 12]'],
    [{ ...SWIN, window: 7 }, tensorsOf(SWIN), 'window_size=2 instead of 7'],
    [
      SWIN,
      withTensors(tensorsOf(SWIN), { 'swinViT.layers1c.0.layer.conv1.conv.weight': zeros(12, 12, 3, 3, 3) }),
      'use_v2=True',
    ],
    [
      SWIN,
      withTensors(tensorsOf(SWIN), { 'encoder1.layer.norm1.weight': zeros(12) }),
      'norm_name=a norm with parameters',
    ],
    [SWIN, withTensors(tensorsOf(SWIN), { 'encoder1.layer.norm1.running_mean': zeros(12) }), 'norm_name="batch"'],
    [SWIN, withTensors(tensorsOf(SWIN), { 'swinViT.patch_embed.norm.weight': zeros(12) }), 'patch_norm=True'],
    [SWIN, withTensors(tensorsOf(SWIN), { 'swinViT.patch_embed.proj.weight': zeros(12, 4, 2, 2, 2) }), 'in_channels=4'],
    [
      SWIN,
      new Map([...tensorsOf(SWIN)].filter(([name]) => !name.endsWith('qkv.bias'))),
      'qkv_bias=False instead of True',
    ],
    [{ ...UNET, features: [4, 6] }, tensorsOf(UNET), 'features_per_stage=[4, 6, 8] instead of [4, 6]'],
    [UNET, withTensors(tensorsOf(UNET), { [conv]: zeros(4, 2, 3, 3, 3) }), 'input_channels=2 instead of 1'],
    [UNET, withTensors(tensorsOf(UNET), { [conv]: zeros(4, 1, 1, 3, 3) }), 'kernel_sizes=1×3×3 instead of 3'],
    [UNET, withTensors(tensorsOf(UNET), { 'decoder.transpconvs.0.weight': zeros(8, 6, 1, 2, 2) }), 'strides=1×2×2'],
    [
      UNET,
      withTensors(tensorsOf(UNET), { 'encoder.stages.0.0.convs.2.conv.weight': zeros(4, 4, 3, 3, 3) }),
      'n_conv_per_stage=3',
    ],
    [UNET, tensorsOf(SWIN), "holds MONAI's SwinUNETR; the stage's network is nnU-Net's PlainConvUNet"],
    [SWIN, tensorsOf(UNET), "holds nnU-Net's PlainConvUNet; the stage's network is MONAI's SwinUNETR"],
    [UNET, new Map([['encoder.stem.convs.0.conv.weight', zeros(4, 1, 3, 3, 3)]]), "nnU-Net's ResidualEncoderUNet"],
    [
      UNET,
      new Map([
        ['model.0.conv.unit0.conv.weight', zeros(1)],
        ['model.1.submodule.0.weight', zeros(1)],
      ]),
      "MONAI's UNet",
    ],
    [UNET, new Map([['module.patch_embed.proj.weight', zeros(12, 1, 2, 2, 2)]]), 'only the encoder of a SwinUNETR'],
    [UNET, initialWeights(UNET, HEADS, 1), "fedcardio's own layout"],
  ])('%#: %o', (model, tensors, message) => {
    expect(() => read(model, tensors)).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringContaining(message) }),
    );
  });
});

test('a difference that the campaign can take over names its field, others do not', () => {
  const hint = (model: ModelConfig, tensors: Tensors) => {
    try {
      read(model, tensors);
    } catch (error) {
      return (error as { hint: string }).hint;
    }
  };
  expect(hint({ ...SWIN, featureSize: 24 }, tensorsOf(SWIN))).toBe('Set "featureSize": 12 in the stage\'s "model".');
  expect(hint(SWIN, withTensors(tensorsOf(SWIN), { 'encoder1.layer.norm1.weight': zeros(12) }))).toMatch(
    /always has norm_name="instance": the file cannot be used\.$/,
  );
});

test('names that do not fit are listed by kind, with the nearest', () => {
  const odd = renamed(tensorsOf(SWIN), (name) => (name.startsWith('encoder2.') ? `backbone.${name}` : name));
  expect(() => read(SWIN, odd)).toThrow(
    /2 missing: encoder2\.layer\.conv1\.conv\.weight, .*2 unknown: backbone\.\S+ \(perhaps encoder2\.layer\.conv1\.conv\.weight\)/,
  );
});
