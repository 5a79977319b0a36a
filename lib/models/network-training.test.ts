import { describe, expect, test } from 'vitest';
import type { ModelConfig } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { createAdamW } from '../nn/adamw.ts';
import { loadBackend } from '../nn/backend.ts';
import { deepSupervision, diceCrossEntropy } from '../nn/loss.ts';
import { availableBackends, difference, numbers } from '../nn/testing.ts';
import { tf } from '../nn/tf.ts';
import { trainStep } from '../nn/train-step.ts';
import { createNetwork } from './network.ts';
import { headOf } from './parameters.ts';

const configs: readonly ModelConfig[] = [
  { kind: 'unet', features: [8, 16], deepSupervision: true },
  { kind: 'swin-unetr', featureSize: 12, depths: [2, 2], heads: [3, 6], window: 4 },
];
const SIDE = 16;
const backends = await availableBackends();

/** A bright ball in noise, and its mask. */
function ball(): { image: tf.Tensor5D; labels: tf.Tensor4D } {
  const noise = numbers('noise', [SIDE ** 3]);
  const inside = Int32Array.from({ length: SIDE ** 3 }, (_, i) => {
    const [z, y, x] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
    return (z - 6) ** 2 + (y - 8) ** 2 + (x - 9) ** 2 < 16 ? 1 : 0;
  });
  const values = noise.map((value, i) => 2 * value + inside[i]!);
  return {
    image: tf.tensor5d(values, [1, SIDE, SIDE, SIDE, 1]),
    labels: tf.tensor4d(inside, [1, SIDE, SIDE, SIDE], 'int32'),
  };
}

/**
 * Losses of some steps, the Dice coefficient of the prediction after them, and the number of tensors that were leaked.
 */
function train(config: ModelConfig, steps: number): { losses: readonly number[]; dice: number; gained: number } {
  const network = createNetwork(config, [TASKS.calcification, TASKS['hinge-points']], 1);
  const optimizer = createAdamW(network.variables, {
    weightDecay: 1e-5,
    gradientClip: 1,
    group: (name) => headOf(name) ?? '',
  });
  const { image, labels } = ball();
  const loss = () => deepSupervision(network.forward(image, ['calcification']).get('calcification')!, labels);
  const step = () => trainStep(network.variables.values(), optimizer, 1e-2, loss);
  const losses = [step()];
  const before = tf.memory().numTensors;
  while (losses.length < steps) losses.push(step());
  const gained = tf.memory().numTensors - before;
  const dice = tf.tidy(() => {
    const [logits] = network.forward(image).get('calcification')!;
    const found = tf.cast(tf.argMax(logits!, 4), 'float32');
    const truth = tf.cast(labels, 'float32');
    return tf.div(tf.mul(2, tf.sum(tf.mul(found, truth))), tf.add(tf.sum(found), tf.sum(truth))).dataSync()[0]!;
  });
  tf.dispose([image, labels]);
  optimizer.dispose();
  network.dispose();
  return { losses, dice, gained };
}

describe.each(configs)('training ($kind)', (config) => {
  test.skipIf(!backends.includes('native'))('memorises a ball without leaking tensors', async () => {
    await loadBackend('native');
    const { losses, dice, gained } = train(config, 30);
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.7);
    expect(dice).toBeGreaterThan(0.9);
    expect(gained).toBe(0);
  });

  test.skipIf(backends.length < 2)('takes the same steps on both backends', async () => {
    await loadBackend('native');
    const native = train(config, 4);
    await loadBackend('wasm');
    const wasm = train(config, 4);
    expect(wasm.gained).toBe(0);
    wasm.losses.forEach((loss, i) => {
      expect(Math.abs(loss - native.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-3);
    });
    expect(wasm.losses.at(-1)).toBeLessThan(wasm.losses[0]!);
  });
});

test('a head without a target has no gradient and does not change', async () => {
  await loadBackend();
  const network = createNetwork(configs[0]!, [TASKS.calcification, TASKS['hinge-points']], 1);
  const optimizer = createAdamW(network.variables, { weightDecay: 0.1, group: (name) => headOf(name) ?? '' });
  const { image, labels } = ball();
  const before = network.read();
  trainStep(network.variables.values(), optimizer, 1e-2, () => {
    const logits = network.forward(image);
    return tf.add(
      diceCrossEntropy(logits.get('calcification')![0]!, labels),
      diceCrossEntropy(logits.get('hinge-points')![0]!, labels, { voxelWeight: [0] }),
    ) as tf.Scalar;
  });
  const after = network.read();
  const changed = [...before]
    .filter(([name, { data }]) => data.join() !== after.get(name)!.data.join())
    .map(([name]) => name);
  expect(new Set(changed.map(headOf))).toEqual(new Set([undefined, 'calcification']));
  tf.dispose([image, labels]);
  optimizer.dispose();
  network.dispose();
});

test.each(configs)('a head trained alone changes as in the whole network ($kind)', async (config) => {
  await loadBackend();
  const network = createNetwork(config, [TASKS.calcification, TASKS['hinge-points']], 1);
  const { image, labels } = ball();
  const loss = (logits: ReadonlyMap<string, tf.Tensor5D[]>) => deepSupervision(logits.get('calcification')!, labels);
  const head = [...network.variables].filter(([name]) => headOf(name) === 'calcification');
  const variables = head.map(([, variable]) => variable);
  tf.tidy(() => {
    // Gradients, and the bytes that are kept for them once the loss is known.
    const gradients = (logits: () => ReadonlyMap<string, tf.Tensor5D[]>) => {
      const before = tf.memory().numBytes;
      let kept = 0;
      const { grads } = tf.variableGrads(() => {
        const value = loss(logits());
        kept = tf.memory().numBytes - before;
        return value;
      }, variables);
      return { grads, kept };
    };
    const whole = gradients(() => network.forward(image, ['calcification']));
    const features = network.features(image);
    const alone = gradients(() => network.logits(features, ['calcification']));
    for (const { name } of variables) {
      expect(difference(alone.grads[name]!.dataSync(), whole.grads[name]!.dataSync())).toBeLessThan(1e-6);
    }
    expect(alone.kept).toBeLessThan(whole.kept / 3);
  });
  const before = network.read();
  const optimizer = createAdamW(new Map(head), { weightDecay: 0.1, group: (name) => headOf(name) ?? '' });
  tf.tidy(() => {
    const features = network.features(image);
    trainStep(variables, optimizer, 1e-2, () => loss(network.logits(features, ['calcification'])));
  });
  const after = network.read();
  const changed = [...before].filter(([name, { data }]) => difference(data, after.get(name)!.data) > 0);
  expect(new Set(changed.map(([name]) => name))).toEqual(new Set(head.map(([name]) => name)));
  tf.dispose([image, labels]);
  optimizer.dispose();
  network.dispose();
});
