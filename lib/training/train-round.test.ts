import { beforeEach, describe, expect, test } from 'vitest';
import { type ModelConfig, trainingSchema } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { parameterGroup } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { availableBackends, difference } from '../nn/test-numbers.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { ballCase } from './toy-cases.ts';
import { type TrainRoundInput, trainRound } from './train-round.ts';

const backends = await availableBackends();
const model: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
const training = trainingSchema.parse({ patch: 16, spacing: 6, steps: 3, learningRate: 1e-2, warmup: 0 });
const tasks: readonly TaskId[] = ['calcification', 'membranous-septum'];
const cases = ['a', 'b'].map((id) => ballCase(id, 16, 6, tasks));

const input: TrainRoundInput = {
  model,
  training,
  tasks,
  cases,
  global: undefined,
  optimizer: undefined,
  round: 1,
  rounds: 4,
  seed: 7,
  site: 'berlin',
};

/** Largest difference of any weight. */
function differenceOf(a: Weights, b: Weights): number {
  expect([...a.keys()]).toEqual([...b.keys()]);
  return Math.max(
    ...[...a].map(([name, { data }]) => difference(data as Float32Array, b.get(name)!.data as Float32Array)),
  );
}

beforeEach(() => loadBackend());

describe('a round of training', () => {
  test('is decided by its seed, its site and its round', async () => {
    const first = await trainRound(input);
    expect(differenceOf((await trainRound(input)).weights, first.weights)).toBe(0);
    for (const other of [{ seed: 8 }, { site: 'bonn' }, { round: 2 }]) {
      const { weights } = await trainRound({ ...input, ...other });
      expect(differenceOf(weights, first.weights), JSON.stringify(other)).toBeGreaterThan(0);
    }
  });

  test('starts from the same weights at every site, and from the global model where there is one', async () => {
    const still = { ...training, steps: 1, learningRate: 1e-12, weightDecay: 0 };
    const here = await trainRound({ ...input, training: still });
    const there = await trainRound({ ...input, training: still, site: 'bonn' });
    expect(differenceOf(here.weights, there.weights)).toBeLessThan(1e-9);
    const { weights: global } = await trainRound(input);
    const onward = await trainRound({ ...input, training: still, global });
    expect(differenceOf(onward.weights, global)).toBeLessThan(1e-9);
    expect(differenceOf(onward.weights, here.weights)).toBeGreaterThan(1e-3);
  });

  test('goes on with the optimiser that it is given', async () => {
    const { weights: global, optimizer } = await trainRound(input);
    const fresh = await trainRound({ ...input, round: 2, global });
    const kept = await trainRound({ ...input, round: 2, global, optimizer });
    expect(differenceOf(kept.weights, fresh.weights)).toBeGreaterThan(1e-4);
    expect(differenceOf(kept.optimizer, optimizer)).toBeGreaterThan(0);
  });

  test('brings the loss down, reports every step, and keeps no tensor', async () => {
    const config = { ...training, steps: 30, augment: false };
    const seen: [number, number][] = [];
    const tensors: number[] = [];
    const before = tf.memory().numTensors;
    const { figures } = await trainRound({
      ...input,
      training: config,
      rounds: 1,
      onStep: (step, loss) => {
        seen.push([step, loss]);
        tensors.push(tf.memory().numTensors);
      },
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(new Set(tensors.slice(1)).size).toBe(1);
    expect(seen.map(([step]) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const losses = seen.map(([, loss]) => loss);
    expect(figures.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 30, 6);
    expect(figures.lossEnd).toBeCloseTo(losses.slice(-8).reduce((sum, loss) => sum + loss, 0) / 8, 6);
    expect(figures.lossEnd).toBeLessThan(losses[0]! - 0.5);
  });

  test('leaves a head alone that no case has a target for', async () => {
    const still = await trainRound({
      ...input,
      training: { ...training, steps: 1, learningRate: 1e-12, weightDecay: 0 },
    });
    const { weights } = await trainRound({ ...input, cases: [ballCase('a', 16, 6, ['calcification'])] });
    const changed = [...weights].filter(
      ([name, { data }]) => difference(data as Float32Array, still.weights.get(name)!.data as Float32Array) > 1e-9,
    );
    expect(new Set(changed.map(([name]) => parameterGroup(name)))).toEqual(new Set(['body', 'calcification']));
  });

  test('without a usable case says that there is no data', async () => {
    const other = ballCase('a', 16, 6, ['calcification']);
    await expect(trainRound({ ...input, cases: [] })).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(trainRound({ ...input, tasks: ['hinge-points'], cases: [other] })).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringContaining('hinge-points'),
    });
  });

  test('that meets a damaged image says that it diverged, and frees what it held', async () => {
    const [good] = cases;
    const damaged = { ...good!, image: { ...good!.image, data: good!.image.data.map(() => Number.NaN) } };
    const before = tf.memory().numTensors;
    await expect(trainRound({ ...input, cases: [damaged] })).rejects.toMatchObject({ code: 'TRAINING_DIVERGED' });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses a global model of another network', async () => {
    const { weights: global } = await trainRound(input);
    const wider: ModelConfig = { kind: 'unet', features: [4, 16], deepSupervision: true };
    await expect(trainRound({ ...input, model: wider, global })).rejects.toMatchObject({ code: 'BAD_WEIGHTS' });
  });
});

describe.each<ModelConfig>([model, { kind: 'swin-unetr', featureSize: 4, depths: [2], heads: [2], window: 4 }])(
  'a round of a $kind',
  (config) => {
    test.skipIf(backends.length < 2)('comes to the same weights on both backends', async () => {
      await loadBackend('native');
      const native = await trainRound({ ...input, model: config });
      await loadBackend('wasm');
      const wasm = await trainRound({ ...input, model: config });
      expect(Math.abs(native.figures.loss - wasm.figures.loss)).toBeLessThan(1e-3);
      expect(differenceOf(native.weights, wasm.weights)).toBeLessThan(1e-3);
    });
  },
);
