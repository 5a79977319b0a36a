import { beforeEach, describe, expect, test } from 'vitest';
import { type ModelConfig, type TrainingConfig, trainingSchema } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import { parameterGroup } from '../models/network.ts';
import { loadBackend } from '../nn/backend.ts';
import { availableBackends, difference } from '../nn/test-numbers.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { pick, splitParameters } from './local-parameters.ts';
import { ballCase } from './toy-cases.ts';
import { type TrainRoundInput, trainRound } from './train-round.ts';

const backends = await availableBackends();
const model: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
const swin: ModelConfig = { kind: 'swin-unetr', featureSize: 4, depths: [2], heads: [2], window: 4 };
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

/** Mean absolute difference of the weights. */
function distanceOf(a: Weights, b: Weights): number {
  const distances = [...a].flatMap(([name, { data }]) => [...data].map((x, i) => Math.abs(x - b.get(name)!.data[i]!)));
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
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

  test('held to the global model stays nearer to it, and says the loss on the cases alone', async () => {
    const { weights: global } = await trainRound(input);
    const held = async (proximal: number) => {
      const losses: number[] = [];
      const tensors: number[] = [];
      const { weights } = await trainRound({
        ...input,
        global,
        training: { ...training, proximal, steps: 8, augment: false },
        onStep: (_, loss) => {
          losses.push(loss);
          tensors.push(tf.memory().numTensors);
        },
      });
      expect(new Set(tensors.slice(1)).size).toBe(1);
      return { distance: distanceOf(weights, global), first: losses[0]!, second: losses[1]! };
    };
    const before = tf.memory().numTensors;
    const [free, weak, strong] = [await held(0), await held(0.1), await held(10)];
    expect(tf.memory().numTensors).toBe(before);
    expect(weak.distance).toBeLessThan(free.distance / 2);
    expect(strong.distance).toBeLessThan(weak.distance / 2);
    // At the point itself the term has no gradient; in the loss it would show after the first step.
    for (const { first, second } of [weak, strong]) expect([first, second]).toEqual([free.first, free.second]);
  });

  test('is held to the first weights where there is no global model yet', async () => {
    const { weights: start } = await trainRound({
      ...input,
      training: { ...training, steps: 1, learningRate: 1e-12, weightDecay: 0 },
    });
    const [free, held] = await Promise.all(
      [0, 1e4].map(async (proximal) => {
        const { weights } = await trainRound({ ...input, training: { ...training, proximal, steps: 8 } });
        return distanceOf(weights, start);
      }),
    );
    expect(held).toBeLessThan(free! / 2);
  });

  test('keeps local parameters apart: not sent, not held, gone on with', async () => {
    const bn = { ...training, localParameters: ['*norm*'] };
    const plain = await trainRound(input);
    const { shared, local } = splitParameters(plain.weights.keys(), bn.localParameters);
    expect(plain.local.size).toBe(0);

    const first = await trainRound({ ...input, training: bn });
    expect([...first.weights.keys()]).toEqual([...shared]);
    expect([...first.local.keys()]).toEqual([...local]);
    expect(differenceOf(first.weights, pick(plain.weights, shared))).toBeLessThan(1e-5);
    expect(differenceOf(first.local, pick(plain.weights, local))).toBeLessThan(1e-5);

    const own: Weights = new Map(
      [...first.local].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map((value) => value + 1) }]),
    );
    const still = { ...bn, steps: 1, learningRate: 1e-12, weightDecay: 0 };
    const onward = await trainRound({ ...input, training: still, round: 2, global: first.weights, local: own });
    expect(differenceOf(onward.local, own)).toBeLessThan(1e-6);
    expect(differenceOf(onward.weights, first.weights)).toBeLessThan(1e-6);

    const held = { ...bn, proximal: 1e6, steps: 8 };
    const far = await trainRound({ ...input, training: held, round: 2, global: first.weights, local: own });
    expect(distanceOf(far.local, own)).toBeGreaterThan(10 * distanceOf(far.weights, first.weights));
  });

  test('refuses patterns of local parameters that do not fit the network, and frees what it held', async () => {
    const before = tf.memory().numTensors;
    for (const localParameters of [['no-such-layer.*'], ['*']]) {
      await expect(trainRound({ ...input, training: { ...training, localParameters } })).rejects.toMatchObject({
        code: 'BAD_CONFIGURATION',
      });
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('whose last step leaves no finite weights says that it diverged', async () => {
    const wild = { ...training, steps: 1, learningRate: 1e39 };
    await expect(trainRound({ ...input, training: wild })).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: expect.stringContaining('after the last step'),
    });
  });

  test('refuses a global model of another network', async () => {
    const { weights: global } = await trainRound(input);
    const wider: ModelConfig = { kind: 'unet', features: [4, 16], deepSupervision: true };
    await expect(trainRound({ ...input, model: wider, global })).rejects.toMatchObject({ code: 'BAD_WEIGHTS' });
  });
});

describe.each<readonly [string, ModelConfig, Partial<TrainingConfig>]>([
  ['a unet', model, {}],
  ['a swin-unetr', swin, {}],
  ['a unet, held and with its own norms', model, { proximal: 1, localParameters: ['*norm*'] }],
])('a round of %s', (_, config, options) => {
  test.skipIf(backends.length < 2)('comes to the same weights on both backends', async () => {
    const round = { ...input, model: config, training: { ...training, ...options } };
    await loadBackend('native');
    const native = await trainRound(round);
    await loadBackend('wasm');
    const wasm = await trainRound(round);
    expect(Math.abs(native.figures.loss - wasm.figures.loss)).toBeLessThan(1e-3);
    expect(differenceOf(native.weights, wasm.weights)).toBeLessThan(1e-3);
    expect(differenceOf(native.local, wasm.local)).toBeLessThan(1e-3);
  });
});
