import { beforeEach, describe, expect, test } from 'vitest';
import { splitParameters } from '../models/split-parameters.ts';
import { loadBackend } from '../nn/backend.ts';
import { tf } from '../nn/tf.ts';
import type { Weights } from '../weights/weights.ts';
import { pick } from './local-parameters.ts';
import { differenceOf, distanceOf, toyRound as input, still, toyTraining as training } from './testing-round.ts';
import { trainRound } from './train-round.ts';

beforeEach(() => loadBackend());

describe('a round of training', () => {
  test('with a proximal term stays nearer to the global model, and reports the loss without the term', async () => {
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
    // At the first point the term has no gradient; in the loss it would show after the first step.
    for (const { first, second } of [weak, strong]) expect([first, second]).toEqual([free.first, free.second]);
  });

  test('with a proximal term stays near the first weights if there is no global model yet', async () => {
    const { weights: start } = await trainRound({ ...input, training: still });
    const [free, held] = await Promise.all(
      [0, 1e4].map(async (proximal) => {
        const { weights } = await trainRound({ ...input, training: { ...training, proximal, steps: 8 } });
        return distanceOf(weights, start);
      }),
    );
    expect(held).toBeLessThan(free! / 2);
  });

  test('keeps local parameters at the site: not sent, without proximal term, and used in the next round', async () => {
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
    const onward = await trainRound({
      ...input,
      training: { ...still, localParameters: bn.localParameters },
      round: 2,
      global: first.weights,
      local: own,
    });
    expect(differenceOf(onward.local, own)).toBeLessThan(1e-6);
    expect(differenceOf(onward.weights, first.weights)).toBeLessThan(1e-6);

    const held = { ...bn, proximal: 1e6, steps: 8 };
    const far = await trainRound({ ...input, training: held, round: 2, global: first.weights, local: own });
    expect(distanceOf(far.local, own)).toBeGreaterThan(10 * distanceOf(far.weights, first.weights));
  });

  test('refuses patterns of local parameters that do not fit the network, and frees its tensors', async () => {
    const before = tf.memory().numTensors;
    for (const localParameters of [['no-such-layer.*'], ['*']]) {
      await expect(trainRound({ ...input, training: { ...training, localParameters } })).rejects.toMatchObject({
        code: 'BAD_CONFIGURATION',
      });
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});
