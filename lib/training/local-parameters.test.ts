import { beforeEach, describe, expect, test } from 'vitest';
import type { ModelConfig } from '../federation/schemas.ts';
import { TASKS } from '../federation/tasks.ts';
import { parametersOf } from '../models/initial-weights.ts';
import { createNetwork } from '../models/network.ts';
import { splitParameters } from '../models/split-parameters.ts';
import { loadBackend } from '../nn/backend.ts';
import type { Weights } from '../weights/weights.ts';
import { loadSiteModel, pick } from './local-parameters.ts';

const unet: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
const swin: ModelConfig = { kind: 'swin-unetr', featureSize: 4, depths: [1], heads: [2], window: 4 };
const namesOf = (config: ModelConfig) => parametersOf(config, [TASKS.calcification]).map(({ name }) => name);

describe('patterns of local parameters', () => {
  test.each([
    [
      unet,
      ['encoder.0', 'encoder.1', 'decoder.0'].flatMap((block) =>
        ['norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias'].map((name) => `${block}.${name}`),
      ),
    ],
    [
      swin,
      ['blocks.0.norm1', 'blocks.0.norm2', 'downsample.norm'].flatMap((norm) =>
        ['weight', 'bias'].map((part) => `swinViT.layers1.0.${norm}.${part}`),
      ),
    ],
  ])('"*norm*" matches exactly the normalisation layers of a $kind', (config, expected) => {
    const { shared, local } = splitParameters(namesOf(config), ['*norm*']);
    expect([...local].sort()).toEqual([...expected].sort());
    expect(new Set([...shared, ...local])).toEqual(new Set(namesOf(config)));
    expect(shared.size + local.size).toBe(namesOf(config).length);
  });

  test('match whole names, and every character but * literally', () => {
    const names = ['a.norm', 'a.norm.x', 'aXnorm', 'b+(c'];
    expect([...splitParameters(names, ['a.norm']).local]).toEqual(['a.norm']);
    expect([...splitParameters(names, ['*.norm']).local]).toEqual(['a.norm']);
    expect([...splitParameters(names, ['a*norm*', 'a.norm']).local]).toEqual(['a.norm', 'a.norm.x', 'aXnorm']);
    expect([...splitParameters(names, ['b+(*']).local]).toEqual(['b+(c']);
    expect([...splitParameters(names, []).local]).toEqual([]);
  });

  test.each([
    [['*norm*', 'nrom'], 'no parameter matches "nrom"'],
    [['*'], '"*" match every parameter'],
    [['*.weight', '*.bias'], '"*.weight", "*.bias" match every parameter'],
  ])('%j do not fit the network', (patterns, message) => {
    expect(() => splitParameters(namesOf(unet), patterns)).toThrow(
      expect.objectContaining({ code: 'BAD_CONFIGURATION', message: expect.stringContaining(message) }),
    );
  });
});

describe("a site's model", () => {
  beforeEach(() => loadBackend());

  const filled = (weights: Weights, value: number): Weights =>
    new Map([...weights].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(() => value) }]));

  test("is the global model with the site's own parameters or the first weights", () => {
    const network = createNetwork(unet, [TASKS.calcification], 1);
    const first = network.read();
    const { shared, local } = splitParameters(first.keys(), ['*norm*']);
    const global = filled(pick(first, shared), 2);
    const own = filled(pick(first, local), 3);
    try {
      expect(loadSiteModel(network, { localParameters: ['*norm*'] }, global, undefined)).toEqual({ shared, local });
      expect(network.read()).toEqual(new Map([...first, ...global]));
      loadSiteModel(network, { localParameters: ['*norm*'] }, undefined, own);
      expect(network.read()).toEqual(new Map([...first, ...global, ...own]));
    } finally {
      network.dispose();
    }
  });

  test('takes no local parameter from the global model, and needs every shared one', () => {
    const network = createNetwork(unet, [TASKS.calcification], 1);
    const first = network.read();
    const { shared, local } = splitParameters(first.keys(), ['*norm*']);
    try {
      for (const global of [first, pick(first, local), new Map([...pick(first, shared)].slice(1))]) {
        expect(() => loadSiteModel(network, { localParameters: ['*norm*'] }, filled(global, 2), undefined)).toThrow(
          expect.objectContaining({ code: 'BAD_WEIGHTS' }),
        );
      }
      expect(network.read()).toEqual(first);
    } finally {
      network.dispose();
    }
  });
});
