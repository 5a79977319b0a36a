import { expect, test } from 'vitest';
import { federationKeys } from '../federation/keys.ts';
import { sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { mergeUpdates } from './merge.ts';
import type { PrivateMerge } from './private-sum.ts';

const AT = { campaign: 'c', stage: 's', round: 2 };
const BASE = [1, 1, 1, 1, 1];

/** Merges updates of five values with a clip of 1 and a divisor of 4. */
async function merged(
  updates: readonly { readonly values: readonly number[]; readonly samples?: number }[],
  change: Partial<PrivateMerge> = {},
  aggregation:
    | { readonly strategy: 'fedavg' }
    | { readonly strategy: 'fedavgm'; learningRate: number; momentum: number } = {
    strategy: 'fedavg',
  },
): Promise<readonly number[]> {
  const store: FederationStore = createMemoryStorage()('heart');
  const put = async (name: string, values: readonly number[]) => {
    const bytes = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [5], data: Float32Array.from(values) }]]));
    const key = federationKeys.init('c', name);
    await store.put(key, bytes);
    return { key, sha256: sha256Hex(bytes), bytes: bytes.length };
  };
  const inputs = await Promise.all(
    updates.map(async ({ values, samples = 1 }, i) => ({
      site: `s${i}`,
      samples,
      weights: await put(`u${i}`, values),
    })),
  );
  const result = await mergeUpdates(inputs, {
    store,
    key: federationKeys.global(AT, 'x'),
    stateKey: federationKeys.state(AT, 'x'),
    aggregation: { ...aggregation, untrained: 'average', maxUpdateBytes: 2 ** 20 },
    base: { ...(await put('base', BASE)), state: null },
    delta: false,
    dtype: 'F32',
    privacy: () => ({ clip: 1, divisor: 4, step: 2 ** -10, ...change }),
  });
  if (result.kind !== 'merged') throw new Error(JSON.stringify(result));
  return [...decodeSafetensors((await store.get(result.global.key)).body).get('w')!.data];
}

test('clips each difference, counts every site alike, and divides by the planned number', async () => {
  const small = { values: [1.5, 1, 1, 1, 1], samples: 900 };
  const large = { values: [1, 1, 4, 5, 1] };

  expect(await merged([small, large])).toEqual([
    1 + 0.5 / 4,
    1,
    1 + Math.round(0.6 * 2 ** 10) / 2 ** 10 / 4,
    Math.fround(1 + Math.round(0.8 * 2 ** 10) / 2 ** 10 / 4),
    1,
  ]);
});

test('draws noise for each value in order, and anew when updates have to be clipped', async () => {
  const noise = () => {
    let next = 0;
    return () => 2 ** 10 * ++next;
  };

  expect(await merged([{ values: BASE }], { noise })).toEqual([1.25, 1.5, 1.75, 2, 2.25]);
  expect(await merged([{ values: [1, 1, 1, 1, 9] }], { noise })).toEqual([1.25, 1.5, 1.75, 2, 2.5]);
});

test('gives a server optimiser the noisy mean as its only update', async () => {
  const strategy = { strategy: 'fedavgm', learningRate: 2, momentum: 0 } as const;

  expect(await merged([{ values: [1.5, 1, 1, 1, 1] }], {}, strategy)).toEqual([1.25, 1, 1, 1, 1]);
});
