import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { loadBackend } from '../nn/backend.ts';
import { volume } from '../nn/testing.ts';
import { tf } from '../nn/tf.ts';
import { sortedNames, type Weights } from '../weights/weights.ts';
import { initialWeights, parametersOf, withHeads } from './initial-weights.ts';
import { createNetwork } from './network.ts';
import { headOf } from './parameters.ts';

const configs: readonly ModelConfig[] = [
  { kind: 'unet', features: [4, 6, 8], deepSupervision: true },
  { kind: 'swin-unetr', featureSize: 12, depths: [2, 2], heads: [3, 6], window: 4 },
];

const digest = (weights: Weights) => {
  const hash = createHash('sha256');
  for (const name of sortedNames(weights)) hash.update(name).update(new Uint8Array(weights.get(name)!.data.buffer));
  return hash.digest('hex').slice(0, 16);
};

describe('initial weights', () => {
  test('are the same bytes on every machine', () => {
    expect(configs.map((config) => digest(initialWeights(config, [TASKS.calcification], 7)))).toEqual([
      '060682d263c2fd11',
      '4a36cdfc39e57a32',
    ]);
  });

  test('differ between seeds, and have the same body for different heads', () => {
    const [config] = configs;
    const one = initialWeights(config!, [TASKS.calcification], 1);
    const two = initialWeights(config!, [TASKS.calcification], 2);
    const more = initialWeights(config!, [TASKS.calcification, TASKS['hinge-points']], 1);
    const name = 'encoder.1.conv2.weight';
    expect(two.get(name)!.data).not.toEqual(one.get(name)!.data);
    for (const [key, { data }] of one) expect(more.get(key)!.data).toEqual(data);
    expect(more.size).toBe(one.size + 4);
  });

  test('of other heads keep known heads and the body, which must be complete', () => {
    const [config] = configs;
    const trained = new Map(initialWeights(config!, [TASKS.calcification, TASKS['membranous-septum']], 1));
    const changed = withHeads(trained, config!, [TASKS['hinge-points'], TASKS.calcification], 2);
    expect([...changed.keys()]).toEqual(
      parametersOf(config!, [TASKS['hinge-points'], TASKS.calcification]).map(({ name }) => name),
    );
    const fresh = initialWeights(config!, [TASKS['hinge-points']], 2);
    for (const [name, tensor] of changed) {
      expect(tensor, name).toBe(trained.get(name) ?? tensor);
      if (headOf(name) === 'hinge-points') expect(tensor).toEqual(fresh.get(name));
    }
    trained.delete('encoder.0.conv1.weight');
    expect(() => withHeads(trained, config!, [TASKS.calcification], 2)).toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS', message: expect.stringContaining('encoder.0.conv1.weight') }),
    );
  });

  test('make every head predict background at first', () => {
    for (const config of configs) {
      const biases = [...initialWeights(config, [TASKS['membranous-septum']], 1)].filter(([name]) =>
        /^(head|out)\..*bias$/.test(name),
      );
      expect(biases.length).toBeGreaterThan(0);
      for (const [, { data }] of biases) {
        expect([...data]).toEqual([0, expect.closeTo(-7.6, 1), expect.closeTo(-7.6, 1)]);
      }
    }
  });

  test('have the specified mean and deviation', () => {
    const parameters = parametersOf({ kind: 'unet', features: [16, 32], deepSupervision: false }, []);
    const weights = initialWeights({ kind: 'unet', features: [16, 32], deepSupervision: false }, [], 3);
    const { data } = weights.get('encoder.1.conv2.weight')!;
    const { initialiser } = parameters.find(({ name }) => name === 'encoder.1.conv2.weight')!;
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    expect(initialiser).toEqual({ kind: 'normal', deviation: expect.closeTo(Math.sqrt(2 / (27 * 32)), 5) });
    expect(Math.abs(mean)).toBeLessThan(0.002);
    expect(deviation / Math.sqrt(2 / (27 * 32))).toBeCloseTo(1, 1);
  });
});

describe.each(configs)('a network ($kind)', (config) => {
  beforeAll(async () => {
    await loadBackend();
  });

  test('gives logits of the requested heads, finest first', () => {
    const network = createNetwork(config, [TASKS.calcification, TASKS['hinge-points']], 1);
    const sides = [2, 3, 4].map((n) => n * network.divisor) as [number, number, number];
    tf.tidy(() => {
      const x = volume('x', [2, ...sides, 1]);
      const all = network.forward(x);
      expect([...all.keys()]).toEqual(['calcification', 'hinge-points']);
      expect(all.get('hinge-points')!.map(({ shape }) => shape)).toEqual(
        (config.kind === 'unet' ? [1, 2] : [1]).map((scale) => [2, ...sides.map((side) => side / scale), 6]),
      );
      expect([...network.forward(x, ['calcification']).keys()]).toEqual(['calcification']);
    });
    network.dispose();
  });

  test('treats the cases of a batch independently', () => {
    const network = createNetwork(config, [TASKS.calcification], 1);
    const side = 2 * network.divisor;
    tf.tidy(() => {
      const x = volume('x', [2, side, side, side, 1]);
      const both = network.forward(x).get('calcification')![0]!;
      const second = network.forward(tf.slice(x, [1, 0, 0, 0, 0], [1, side, side, side, 1])).get('calcification')![0]!;
      const apart = tf.max(tf.abs(tf.sub(tf.slice(both, [1, 0, 0, 0, 0], second.shape), second)));
      expect(apart.dataSync()[0]).toBeLessThan(1e-4);
    });
    network.dispose();
  });

  test('reads the weights that it loaded, from any buffer', () => {
    const network = createNetwork(config, [TASKS.calcification], 1);
    const weights = initialWeights(config, [TASKS.calcification], 2);
    const offset = new Map(
      [...weights].map(([name, tensor]) => {
        const buffer = new Float32Array(tensor.data.length + 1);
        buffer.set(tensor.data, 1);
        return [name, { ...tensor, data: buffer.subarray(1) }];
      }),
    );
    network.load(offset);
    for (const { data } of offset.values()) data.fill(Number.NaN);
    const read = network.read();
    expect([...read.keys()]).toEqual([...weights.keys()]);
    for (const [name, tensor] of weights) expect(read.get(name), name).toEqual(tensor);
    expect(network.parameters).toBe([...weights.values()].reduce((sum, { data }) => sum + data.length, 0));
    network.dispose();
  });

  test('refuses other weights and does not change', () => {
    const network = createNetwork(config, [TASKS.calcification], 1);
    const good = network.read();
    const [first] = good.keys();
    const wrong: readonly Weights[] = [
      new Map([...good].slice(1)),
      new Map([...good, ['extra', { dtype: 'F32', shape: [1], data: new Float32Array(1) }]]),
      new Map([...good, [first!, { dtype: 'F32', shape: [1], data: new Float32Array(1) }]]),
    ];
    for (const weights of wrong) {
      expect(() => network.load(weights)).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
    }
    expect(network.read()).toEqual(good);
    network.dispose();
  });

  test('refuses grids that do not fit, and leaks no tensor', () => {
    const before = tf.memory().numTensors;
    const network = createNetwork(config, [TASKS.calcification], 1);
    tf.tidy(() => {
      expect(() => network.forward(volume('x', [1, 8, 8, network.divisor + 1, 1]))).toThrow(
        expect.objectContaining({ code: 'BAD_CONFIGURATION', hint: expect.stringContaining(`${network.divisor}`) }),
      );
      network.forward(volume('x', [1, 16, 16, 16, 1]));
    });
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('a parameter belongs to a head or to the body', () => {
  const names = configs.flatMap((config) =>
    parametersOf(config, [TASKS['hinge-points'], TASKS.calcification]).map(({ name }) => name),
  );
  expect(new Set(names.map(headOf))).toEqual(new Set([undefined, 'hinge-points', 'calcification']));
  expect(headOf('out.hinge-points.conv.conv.bias')).toBe('hinge-points');
  expect(headOf('head.calcification.2.weight')).toBe('calcification');
  expect(headOf('swinViT.layers1.0.blocks.0.attn.proj.weight')).toBeUndefined();
});

test('attention heads that do not fit the stages are refused', () => {
  const swin = { kind: 'swin-unetr', featureSize: 12, depths: [2, 2], window: 4 } as const;
  for (const heads of [[3], [3, 7]]) {
    expect(() => createNetwork({ ...swin, depths: [2, 2], heads }, [TASKS.calcification], 1)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION' }),
    );
  }
});
