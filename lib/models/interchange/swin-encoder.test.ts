import { describe, expect, test } from 'vitest';
import { TASKS } from '../../federation/tasks.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import type { Tensor, Tensors } from '../../weights/weights.ts';
import { initialWeights } from '../initial-weights.ts';
import { fingerprint, SWIN, unevenWeights } from './testing.ts';
import { asTorch, fromTorch } from './torch.ts';

const HEADS = [TASKS.calcification];
const trained = { model: SWIN, weights: unevenWeights(SWIN, HEADS), tasks: HEADS, patch: 32 };
const head: Tensor = { dtype: 'F32', shape: [4], data: new Float32Array(4) };

/** The transformer of an export, under the names of other tools. */
const encoder = (rename: (name: string) => string): Tensors =>
  new Map(
    [...asTorch(trained, 'xyz')].flatMap(([name, tensor]) => {
      return name.startsWith('swinViT.') ? [[rename(name.replace('swinViT.', '')), tensor]] : [];
    }),
  );
const asBefore = (name: string) => name.replace('.mlp.linear', '.mlp.fc');
const read = (tensors: Tensors) =>
  fromTorch({ model: SWIN, patch: 32 }, encodeSafetensors(tensors), { patchMerging: 'monai-1.5', seed: 7 });

describe('a Swin transformer alone', () => {
  test.each<[string, (name: string) => string]>([
    ['swinViT.', (name) => `swinViT.${name}`],
    ['bare, in DataParallel', (name) => `module.${name}`],
    ['bare, of a release before MONAI', (name) => `module.${asBefore(name)}`],
    ['swin_vit.', (name) => `module.swin_vit.${asBefore(name)}`],
    ['encoder., with a further level', (name) => `encoder.${name.replace(/^(layers\d\.0\.)/, '$10.')}`],
  ])('is taken over: %s', (_, rename) => {
    const { weights, notes } = read(new Map([...encoder(rename), ['rotation_head.bias', head], ['norm.weight', head]]));

    const expected = new Map([
      ...initialWeights(SWIN, [], 7),
      ...[...trained.weights].filter(([name]) => name.startsWith('swinViT.')),
    ]);
    expect(fingerprint(weights)).toEqual(fingerprint(expected));
    expect(notes).toContainEqual(
      expect.stringMatching(/^Used: the transformer, \d+ tensors swinViT\.\*\. The decoder, \d+ /),
    );
    expect(notes).toContainEqual(
      expect.stringMatching(/^Not used: 2 tensors, such as norm\.weight, rotation_head\.bias/),
    );
  });

  test('must be complete, and of the size of the stage', () => {
    const whole = [...encoder((name) => `swinViT.${name}`)];
    const incomplete = new Map(whole.filter(([name]) => name !== 'swinViT.layers2.0.blocks.1.mlp.linear1.bias'));
    expect(() => read(incomplete)).toThrow(/1 missing: swinViT\.layers2\.0\.blocks\.1\.mlp\.linear1\.bias/);
    const wide = { ...SWIN, featureSize: 24 };
    expect(() =>
      fromTorch({ model: wide, patch: 32 }, encodeSafetensors(new Map(whole)), { patchMerging: 'monai-1.5' }),
    ).toThrow(/feature_size=12 instead of 24/);
  });

  test('does not stand for a network whose decoder is damaged', () => {
    const damaged = new Map([...asTorch(trained, 'xyz')].filter(([name]) => !name.startsWith('decoder1.')));
    expect(() => read(damaged)).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
  });
});
