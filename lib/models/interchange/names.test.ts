import { expect, test } from 'vitest';
import type { Tensor } from '../../weights/weights.ts';
import { unwrapNames } from './names.ts';

const tensor = (value: number): Tensor => ({ dtype: 'F32', shape: [1], data: Float32Array.of(value) });
const named = (...names: readonly string[]) => new Map(names.map((name, i) => [name, tensor(i)] as const));
const names = (...from: readonly string[]) => [...unwrapNames(named(...from)).tensors.keys()];

test.each([
  ['module.'],
  ['_orig_mod.'],
  ['model.'],
  ['network.'],
  ['net.'],
  ['state_dict.'],
  ['module._orig_mod.'],
  ['state_dict.model.module.'],
  ['network_weights.module.'],
])('takes off %s', (prefix) => {
  const { tensors, prefixes } = unwrapNames(named(`${prefix}encoder.a`, `${prefix}decoder.a`));

  expect([...tensors.keys()]).toEqual(['encoder.a', 'decoder.a']);
  expect([...prefixes].sort()).toEqual(
    prefix
      .split('.')
      .filter(Boolean)
      .map((part) => `${part}.`)
      .sort(),
  );
});

test('takes off wrappers inside a name', () => {
  expect(names('swinViT.module.layers1.0.a', 'encoder._orig_mod.b')).toEqual(['swinViT.layers1.0.a', 'encoder.b']);
});

test('keeps a prefix that only some names have, and names that only look alike', () => {
  const mixed = ['model.encoder.a', 'ema.encoder.a'];
  expect(names(...mixed)).toEqual(mixed);
  expect(names('modules.a', 'all_modules.0.b')).toEqual(['modules.a', 'all_modules.0.b']);
});

test("tells a training loop's losses and metrics apart from the network", () => {
  const { tensors, beside } = unwrapNames(named('model.encoder.a', 'loss_function.weight', 'metrics.dice.total'));

  expect([...tensors.keys()]).toEqual(['encoder.a']);
  expect(beside).toEqual(['loss_function.weight', 'metrics.dice.total']);
});

test('refuses two different tensors of one name, and takes equal ones once', () => {
  expect(() => unwrapNames(named('a', 'module.a'))).toThrow(/two different tensors for "a"\.$/);
  expect([
    ...unwrapNames(
      new Map([
        ['a', tensor(1)],
        ['module.a', tensor(1)],
      ]),
    ).tensors.keys(),
  ]).toEqual(['a']);
});
