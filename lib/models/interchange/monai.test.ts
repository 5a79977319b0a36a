import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { SwinUnetrConfig } from '../../federation/schemas.ts';
import { TASKS, type Task, type TaskId } from '../../federation/tasks.ts';
import { loadBackend } from '../../nn/backend.ts';
import { difference, fixture, volume } from '../../nn/testing.ts';
import { tf } from '../../nn/tf.ts';
import { decodeTensors, encodeSafetensors } from '../../weights/safetensors.ts';
import { elementsOf, type Tensors } from '../../weights/weights.ts';
import { initialWeights, withHeads } from '../initial-weights.ts';
import { createNetwork } from '../network.ts';
import { fromMonai, monaiState, toMonai } from './monai.ts';
import { inOwnOrder, type PatchMerging } from './patch-merging.ts';
import { entryShape } from './state.ts';
import { fingerprint, foreignWeights, type Run, type Shapes, sampled } from './testing.ts';

const reference = fixture<{
  readonly state: Shapes;
  readonly index: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly cases: readonly (Run & { readonly featureSize: number })[];
  readonly mergingv2: Run;
}>('swin-unetr');

const swin = (featureSize: number, window = 7): SwinUnetrConfig => ({
  kind: 'swin-unetr',
  featureSize,
  depths: [2, 2, 2, 2],
  heads: [3, 6, 12, 24],
  window,
});
const ONE: readonly Task[] = [TASKS['hinge-points']];
const TWO: readonly Task[] = [TASKS.calcification, TASKS['hinge-points']];

/** Shapes of MONAI's network, without the index tables that follow from the window. */
const shapesOf = (featureSize: number, heads: readonly Task[]): Shapes =>
  Object.fromEntries(monaiState(swin(featureSize), heads).entries.map((entry) => [entry.name, entryShape(entry)]));

const shapes = (tensors: Tensors) => Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));

describe.each(reference.cases)("with MONAI's weights, feature size $featureSize, grid $grid", (run) => {
  test("a Swin UNETR has MONAI's logits", async () => {
    await loadBackend();
    const heads = run.featureSize === 24 ? TWO : ONE;
    const network = createNetwork(swin(run.featureSize), heads, 0);
    network.load(fromMonai(foreignWeights(shapesOf(run.featureSize, heads)), swin(run.featureSize), heads));
    tf.tidy(() => {
      const logits = network.forward(volume('image', [run.batch, ...run.grid, 1]));
      const joined = tf.concat(
        heads.map(({ id }) => logits.get(id)![0]!),
        4,
      );
      const [expected] = run.scales;
      expect(difference(sampled(expected!, joined.dataSync()), expected!.values)).toBeLessThan(2e-5);
    });
    network.dispose();
  });
});

test("with weights of MONAI's mergingv2, a Swin UNETR has MONAI's logits only after they are put in order", async () => {
  await loadBackend();
  const run = reference.mergingv2;
  const errorOf = (merging: PatchMerging): number => {
    const network = createNetwork(swin(12), ONE, 0);
    network.load(fromMonai(inOwnOrder(foreignWeights(shapesOf(12, ONE)), merging, swin(12)), swin(12), ONE));
    const error = tf.tidy(() => {
      const logits = network.forward(volume('image', [run.batch, ...run.grid, 1])).get('hinge-points')![0]!;
      return difference(sampled(run.scales[0]!, logits.dataSync()), run.scales[0]!.values);
    });
    network.dispose();
    return error;
  };

  expect(errorOf('mergingv2')).toBeLessThan(2e-5);
  for (const wrong of ['monai-1.5', 'mergingv2-0.9'] as const) expect(errorOf(wrong)).toBeGreaterThan(0.01);
});

test("with weights of MONAI 1.4, a Swin UNETR with its patch merging has MONAI 1.4's logits", async () => {
  await loadBackend();
  const run = fixture<Run>('swin-unetr-monai-1.4');
  const errorOf = (model: SwinUnetrConfig): number => {
    const network = createNetwork(model, ONE, 0);
    network.load(fromMonai(foreignWeights(shapesOf(12, ONE)), model, ONE));
    const error = tf.tidy(() => {
      const logits = network.forward(volume('image', [run.batch, ...run.grid, 1])).get('hinge-points')![0]!;
      return difference(sampled(run.scales[0]!, logits.dataSync()), run.scales[0]!.values);
    });
    network.dispose();
    return error;
  };

  expect(errorOf({ ...swin(12), merging: 'monai-1.4' })).toBeLessThan(2e-5);
  expect(errorOf(swin(12))).toBeGreaterThan(0.01);
});

test('an export has the names and shapes of the state_dict, and its position indices', () => {
  const exported = toMonai(initialWeights(swin(12), ONE, 1), swin(12), ONE);
  expect(shapes(exported)).toEqual(reference.state);
  for (const [name, { dtype, data }] of exported) {
    expect(dtype, name).toBe(name.endsWith('index') ? 'I64' : 'F32');
    if (dtype !== 'I64') continue;
    expect(createHash('sha256').update(new Uint8Array(data.buffer)).digest('hex')).toBe(reference.index);
  }
});

test.each([12, 24, 48])("a Swin UNETR of feature size %i has MONAI's number of parameters", (featureSize) => {
  const total = Object.values(shapesOf(featureSize, ONE)).reduce((sum, shape) => sum + elementsOf(shape), 0);
  expect(total).toBe(reference.counts[featureSize]);
});

test('an import reverses an export through a file', () => {
  const weights = initialWeights(swin(12, 2), TWO, 1);
  const file = encodeSafetensors(toMonai(weights, swin(12, 2), TWO));
  expect(fingerprint(fromMonai(decodeTensors(file), swin(12, 2), TWO))).toEqual(fingerprint(weights));
});

test('heads are concatenated in the requested order, each with its own values', () => {
  const weights = initialWeights(swin(12, 2), TWO, 1);
  const bias = (heads: readonly Task[]) => toMonai(weights, swin(12, 2), heads).get('out.conv.conv.bias')!;
  const of = (task: TaskId) => [...weights.get(`out.${task}.conv.conv.bias`)!.data];
  expect([...bias(TWO).data]).toEqual([...of('calcification'), ...of('hinge-points')]);
  const swapped = fromMonai(toMonai(weights, swin(12, 2), TWO), swin(12, 2), [...TWO].reverse());
  expect(swapped.get('out.calcification.conv.conv.bias')!.data).toEqual(bias(TWO).data.slice(6));
});

test('a checkpoint of other classes gives its body for new heads', () => {
  const config = swin(12, 2);
  const trained = initialWeights(config, [TASKS['membranous-septum']], 1);
  const body = fromMonai(toMonai(trained, config, [TASKS['membranous-septum']]), config, []);
  expect(fingerprint(body)).toEqual(fingerprint(initialWeights(config, [], 1)));
  expect(fingerprint(withHeads(body, config, TWO, 1))).toEqual(fingerprint(initialWeights(config, TWO, 1)));
});

describe('a checkpoint that does not fit is refused', () => {
  const config = swin(12, 2);
  const good = toMonai(initialWeights(config, ONE, 1), config, ONE);
  const index = 'swinViT.layers1.0.blocks.0.attn.relative_position_index';

  test.each<[string, Tensors, string]>([
    ['a missing tensor', new Map([...good].filter(([name]) => name !== 'encoder1.layer.conv1.conv.weight')), 'missing'],
    [
      'an unknown tensor',
      new Map([...good, ['swinViT.layers1c.0.layer.conv1.conv.weight', good.get('out.conv.conv.bias')!]]),
      '1 unknown: swinViT.layers1c.0.layer.conv1.conv.weight',
    ],
    ['other channels', toMonai(initialWeights(config, TWO, 1), config, TWO), 'is 8×12×1×1×1'],
    ['integers', new Map([...good, ['out.conv.conv.bias', good.get(index)!]]), 'holds integers (I64)'],
  ])('%s', (_, tensors, message) => {
    expect(() => fromMonai(tensors, config, ONE)).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringContaining(message) }),
    );
  });

  test.each<[string, SwinUnetrConfig]>([
    ['another number of stages', { ...config, depths: [2, 2], heads: [3, 6] }],
    ['a feature size that is not a multiple of 12', { ...config, featureSize: 8 }],
  ])('%s', (_, other) => {
    expect(() => toMonai(initialWeights(other, ONE, 1), other, ONE)).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIGURATION',
        message: expect.stringContaining('MONAI has no SwinUNETR'),
      }),
    );
  });

  test('the position indices may be missing', () => {
    const floats = new Map([...good].filter(([, { dtype }]) => dtype === 'F32'));
    expect(fingerprint(fromMonai(floats, config, ONE))).toEqual(fingerprint(fromMonai(good, config, ONE)));
  });
});
