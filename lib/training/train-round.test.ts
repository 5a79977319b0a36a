import { beforeEach, describe, expect, test } from 'vitest';
import type { ModelConfig, TrainingConfig } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { headOf } from '../models/parameters.ts';
import { loadBackend } from '../nn/backend.ts';
import { availableBackends, difference } from '../nn/testing.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { type CaseSource, inMemory } from './cases.ts';
import { ballCase } from './testing-cases.ts';
import { differenceOf, toyRound as input, still, toyModel, toyTraining as training } from './testing-round.ts';
import { trainRound } from './train-round.ts';

const backends = await availableBackends();

/**
 * Leaves out the convolution of one channel before a normalisation: its scale has no effect, so that its gradient is
 * rounding noise, which AdamW turns into whole steps.
 */
const withGradient = (weights: Weights): Weights =>
  new Map([...weights].filter(([name]) => name !== 'encoder1.layer.conv3.conv.weight'));
const swin: ModelConfig = { kind: 'swin-unetr', featureSize: 4, depths: [2], heads: [2], window: 4 };

beforeEach(() => loadBackend());

describe('a round of training', () => {
  test('depends on its seed, its site and its round only', async () => {
    const first = await trainRound(input);
    expect(differenceOf((await trainRound(input)).weights, first.weights)).toBe(0);
    for (const other of [{ seed: 8 }, { site: 'bonn' }, { round: 2 }]) {
      const { weights } = await trainRound({ ...input, ...other });
      expect(differenceOf(weights, first.weights), JSON.stringify(other)).toBeGreaterThan(0);
    }
  });

  test('starts from the same weights at every site, or from the global model', async () => {
    const here = await trainRound({ ...input, training: still });
    const there = await trainRound({ ...input, training: still, site: 'bonn' });
    expect(differenceOf(here.weights, there.weights)).toBeLessThan(1e-9);
    const { weights: global } = await trainRound(input);
    const onward = await trainRound({ ...input, training: still, global });
    expect(differenceOf(onward.weights, global)).toBeLessThan(1e-9);
    expect(differenceOf(onward.weights, here.weights)).toBeGreaterThan(1e-3);
  });

  test('continues with the given optimiser state', async () => {
    const { weights: global, optimizer } = await trainRound(input);
    const fresh = await trainRound({ ...input, round: 2, global });
    const kept = await trainRound({ ...input, round: 2, global, optimizer });
    expect(differenceOf(kept.weights, fresh.weights)).toBeGreaterThan(1e-4);
    expect(differenceOf(kept.optimizer, optimizer)).toBeGreaterThan(0);
  });

  test('lowers the loss, reports every step, and leaks no tensor', async () => {
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

  test('does not train a head without a target, and lists it', async () => {
    const { weights: start, untrained: none } = await trainRound({ ...input, training: still });
    const { weights, untrained } = await trainRound({
      ...input,
      cases: [inMemory(ballCase('a', 16, 6, ['calcification']))],
    });
    const changed = [...weights].filter(
      ([name, { data }]) => difference(data as Float32Array, start.get(name)!.data as Float32Array) > 1e-9,
    );
    expect(new Set(changed.map(([name]) => headOf(name)))).toEqual(new Set([undefined, 'calcification']));
    expect(none).toEqual([]);
    expect(untrained.length).toBeGreaterThan(1);
    expect(untrained).toEqual([...weights.keys()].filter((name) => headOf(name) === 'membranous-septum'));
  });

  test('of a probe trains and sends only its head, on an unchanged body', async () => {
    const tasks = ['membranous-septum'] as const;
    const { weights: body } = await trainRound({ ...input, tasks: [TASKS.calcification] });
    const probe = { ...input, tasks: tasks.map((id) => TASKS[id]), body, training: { ...training, steps: 8 } };
    const before = tf.memory().numTensors;
    const first = await trainRound(probe);
    expect(tf.memory().numTensors).toBe(before);
    expect([...first.weights.keys()].every((name) => headOf(name) === 'membranous-septum')).toBe(true);
    expect(first.weights.size).toBeGreaterThan(0);
    expect([...first.optimizer.keys()].some((name) => name.includes('encoder'))).toBe(false);
    const onward = await trainRound({ ...probe, round: 2, global: first.weights });
    expect(differenceOf(onward.weights, first.weights)).toBeGreaterThan(0);
    const otherBody = new Map(
      [...body].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map((x) => -x) }]),
    );
    const withOtherBody = await trainRound({ ...probe, body: otherBody });
    expect(differenceOf(withOtherBody.weights, first.weights)).toBeGreaterThan(1e-3);
    await expect(trainRound({ ...probe, model: swin })).rejects.toMatchObject({ code: 'BAD_WEIGHTS' });
  });

  test('without a usable case fails with NO_DATA', async () => {
    const other = ballCase('a', 16, 6, ['calcification']);
    await expect(trainRound({ ...input, cases: [] })).rejects.toMatchObject({ code: 'NO_DATA' });
    await expect(
      trainRound({ ...input, tasks: [TASKS['hinge-points']], cases: [inMemory(other)] }),
    ).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringContaining('hinge-points'),
    });
  });

  test('reads only the cases that it draws, and replaces an unreadable one by the next', async () => {
    const loads: string[] = [];
    const source = (id: string, readable = true): CaseSource => {
      const item = inMemory(
        ballCase(
          id,
          16,
          6,
          input.tasks.map((task) => task.id),
        ),
      );
      return {
        ...item,
        load: async () => {
          loads.push(id);
          return readable ? item.load() : undefined;
        },
      };
    };
    const many = Array.from({ length: 9 }, (_, i) => source(`case-${i}`));
    await trainRound({ ...input, cases: many });
    expect(new Set(loads).size).toBe(input.training.steps);
    expect(loads).toHaveLength(input.training.steps);

    const first = await trainRound({ ...input, cases: [source('good'), source('bad', false)] });
    const alone = await trainRound({ ...input, cases: [source('good'), source('good')] });
    expect(differenceOf(first.weights, alone.weights)).toBe(0);
    await expect(trainRound({ ...input, cases: [source('bad', false)] })).rejects.toMatchObject({
      code: 'NO_DATA',
      message: expect.stringMatching(/no readable case/),
    });
  });

  test('with a damaged image fails as diverged, and frees its tensors', async () => {
    const good = ballCase(
      'a',
      16,
      6,
      input.tasks.map((task) => task.id),
    );
    const damaged = { ...good, image: { ...good.image, data: good.image.data.map(() => Number.NaN) } };
    const before = tf.memory().numTensors;
    await expect(trainRound({ ...input, cases: [inMemory(damaged)] })).rejects.toMatchObject({
      code: 'TRAINING_DIVERGED',
      message: 'berlin, round 1, step 1 of 3: the loss became NaN.',
      hint: expect.stringContaining('learning rate'),
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('whose last step leaves weights that are not finite fails as diverged', async () => {
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
  ['a unet', toyModel, {}],
  ['a swin-unetr', swin, {}],
  ['a unet with a proximal term and local norms', toyModel, { proximal: 1, localParameters: ['*norm*'] }],
])('a round of %s', (_, config, options) => {
  test.skipIf(backends.length < 2)('ends with the same weights on both backends', async () => {
    const round = { ...input, model: config, training: { ...training, ...options } };
    await loadBackend('native');
    const native = await trainRound(round);
    await loadBackend('wasm');
    const wasm = await trainRound(round);
    expect(Math.abs(native.figures.loss - wasm.figures.loss)).toBeLessThan(1e-3);
    expect(differenceOf(withGradient(native.weights), withGradient(wasm.weights))).toBeLessThan(1e-3);
    expect(differenceOf(native.local, wasm.local)).toBeLessThan(1e-3);
  });
});
