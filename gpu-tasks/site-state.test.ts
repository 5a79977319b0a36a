import { beforeEach, describe, expect, test } from 'vitest';
import { siteKeys } from '../lib/federation/keys.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { encodeState, readLocalParameters, readOptimizer } from './site-state.ts';
import { SITE, stores } from './testing.ts';

const PLAN = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const at = (round: number) => ({ campaign: 'tavi', stage: 'teacher', round });
const weights = (value: number): Weights =>
  new Map([['w', { dtype: 'F32', shape: [1], data: Float32Array.of(value) }]]);

let store: SiteStore;
beforeEach(() => {
  store = stores().siteStore(SITE);
});

describe.each([
  ['the optimiser', siteKeys.optimizer, readOptimizer],
  ['local parameters', siteKeys.localParameters, readLocalParameters],
])("a site's state: %s", (_, keyOf, read) => {
  test('is read by the rounds of its plan', async () => {
    await store.put(keyOf(at(1)), encodeState(weights(1), PLAN));

    expect(await read(store, at(1), PLAN)).toEqual(weights(1));
  });

  test('of another plan of the same name is ignored', async () => {
    await store.put(keyOf(at(1)), encodeState(weights(1), OTHER));

    expect(await read(store, at(1), PLAN)).toBeUndefined();
  });

  test('of an earlier release, which names no plan, is read', async () => {
    await store.put(keyOf(at(1)), encodeSafetensors(weights(1)));

    expect(await read(store, at(1), PLAN)).toEqual(weights(1));
  });
});

test("a plan's local parameters are found behind those of another plan", async () => {
  await store.put(siteKeys.localParameters(at(1)), encodeState(weights(1), PLAN));
  await store.put(siteKeys.localParameters(at(2)), encodeState(weights(2), OTHER));

  expect(await readLocalParameters(store, at(3), PLAN)).toEqual(weights(1));
});
