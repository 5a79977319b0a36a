import { describe, expect, test } from 'vitest';
import type { StoredFile } from '../federation/schemas.ts';
import { keyOf } from '../federation/testing.ts';
import type { FederationStore } from '../storage/contract.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import type { MergeOptions } from './merge-options.ts';
import {
  configured,
  f32,
  fixture,
  memoryStore,
  merge,
  mergedModel,
  type StrategyName,
  storeFile,
  storeUpdate,
} from './testing.ts';

/** Results of Flower, computed by scripts/fixtures/aggregation.py. */
const FIXTURE = decodeSafetensors(fixture('strategies'));
const SAMPLES = [5, 1, 78, 30, 12, 3, 44];
const expected = (name: string) => FIXTURE.get(name)?.data as Float32Array;
/** The fixture's vectors as models of three tensors. */
const asModel = (values: Float32Array) =>
  new Map([
    ['block.bias', f32(values.slice(0, 5))],
    ['block.weight', f32(values.slice(5, 35), [2, 5, 3])],
    ['scale', f32(values.slice(35))],
  ]);

const storeRound = (store: FederationStore, round: number, sites = SAMPLES.length) =>
  Promise.all(
    SAMPLES.slice(0, sites).map((samples, site) =>
      storeUpdate(store, `${round}-${site}`, samples, asModel(expected(`round-${round}/site-${site}`))),
    ),
  );

const storeBase = (store: FederationStore) => storeFile(store, 'base', encodeSafetensors(asModel(expected('base'))));

/** The largest absolute error divided by the largest absolute expected value. */
function error(actual: Iterable<readonly [string, { readonly data: ArrayLike<number | bigint> }]>, name: string) {
  const values = [...actual].flatMap(([, { data }]) => Array.from(data, Number));
  const wanted = expected(name);
  expect(values.length).toBe(wanted.length);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Math.max(...values.map((value, i) => Math.abs(value - (wanted[i] as number)))) / largest;
}

/** Relative error of one rounding to float32. */
const ROUNDING = 2 ** -24;

describe('compared with Flower', () => {
  test.each<[string, StrategyName, Readonly<Record<string, unknown>>, number]>([
    ['median-of-7', 'median', {}, 7],
    ['median-of-6', 'median', {}, 6],
    ['trimmed-mean-of-7', 'trimmed-mean', { trim: 0.3 }, 7],
    ['trimmed-mean-of-6', 'trimmed-mean', { trim: 0.2 }, 6],
    ['krum', 'krum', { byzantine: 2 }, 7],
    ['multi-krum', 'multi-krum', { byzantine: 2, keep: 3 }, 7],
    ['clipped', 'fedavg', { clipNorm: 2 }, 7],
    ['clipped-multi-krum', 'multi-krum', { byzantine: 2, keep: 3, clipNorm: 2 }, 7],
  ])('%s', async (name, strategy, options, sites) => {
    const store = memoryStore();
    const inputs = await storeRound(store, 1, sites);
    const base = { ...(await storeBase(store)), state: null };
    const aggregation = configured(strategy, options);

    const merged = await mergedModel(store, inputs, { aggregation, base });

    // A clipped update is rounded to float32 before the merge, which rounds once more.
    const tolerance = 'clipNorm' in options ? 2 * ROUNDING : ROUNDING;
    expect(error(merged, name)).toBeLessThanOrEqual(tolerance);
  });

  const adaptive = { learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-2 };
  test.each<[StrategyName, Readonly<Record<string, unknown>>]>([
    ['fedavgm', { learningRate: 0.7, momentum: 0.6 }],
    ['fedadam', adaptive],
    ['fedyogi', adaptive],
  ])('%s, over three rounds', async (strategy, options) => {
    const store = memoryStore();
    const aggregation = configured(strategy, options);
    let base: MergeOptions['base'] = { ...(await storeBase(store)), state: null };
    for (const round of [1, 2, 3]) {
      const inputs = await storeRound(store, round);
      const keys = { key: `global-${round}`, stateKey: `state-${round}` };
      const merged = await merge(store, inputs, { aggregation, base, ...keys });
      if (merged.kind !== 'merged') throw new Error(merged.kind);
      const model = decodeSafetensors((await store.get(keyOf(keys.key))).body);

      // Flower keeps model and moments in float64 between rounds; fedcardio keeps them in float32.
      expect(error(model, `${strategy}/${round}`)).toBeLessThanOrEqual(round * 4 * ROUNDING);
      base = { ...(merged.global as StoredFile), state: merged.state };
    }
  });
});

describe('compared with numpy', () => {
  test('the weighted mean differs by at most the last bit', async () => {
    const store = memoryStore();
    const samples = { berlin: 5, hamburg: 1, heidelberg: 78, munich: 30 };
    const inputs = await Promise.all(
      Object.entries(samples).map(([site, count]) => storeUpdate(store, site, count, fixture(`mean/${site}`))),
    );

    const merged = await mergedModel(store, inputs);

    const wanted = decodeSafetensors(fixture('mean/mean'));
    expect([...merged.keys()]).toEqual([...wanted.keys()]);
    for (const [name, { data, shape }] of merged) {
      expect(shape).toEqual(wanted.get(name)?.shape);
      // Both round a float64 sum once; the sums may lie on different sides of the midpoint of two float32.
      const bits = new Int32Array(data.slice().buffer);
      const theirs = new Int32Array(wanted.get(name)?.data.slice().buffer as ArrayBuffer);
      for (const [i, value] of bits.entries()) expect(Math.abs(value - (theirs[i] as number))).toBeLessThanOrEqual(1);
    }
  });
});
