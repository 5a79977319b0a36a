import { describe, expect, test } from 'vitest';
import { plannedAggregation } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import type { MergeInput } from './inputs.ts';
import { type MergeContext, slicesOfMerge } from './merge-context.ts';
import { configured, f32, memoryStore, merge, STRATEGIES, type StrategyName, storeUpdate } from './testing.ts';

const MiB = 2 ** 20;

/** A merge's peak memory and its requests. */
interface Use {
  /** Size of the kernels' memory, in which all values are read and merged. */
  readonly bytes: number;
  readonly requestsAtATime: number;
  readonly largestRange: number;
  /** Bytes of each uploaded part of the model. */
  readonly parts: readonly number[];
  readonly written: number;
}

/** @param hasBase whether the round starts from a model; without one, clipping needs the centre of the updates */
async function useOf(strategy: StrategyName, updates: number, values: number, hasBase = true): Promise<Use> {
  const store = memoryStore();
  const data = f32(Array.from({ length: values }, (_, i) => i % 7));
  const inputs = await Promise.all(
    Array.from({ length: updates }, (_, i) => storeUpdate(store, `site-${i}`, 1, new Map([['w', data]]))),
  );
  let [bytes, open, requestsAtATime, largestRange] = [0, 0, 0, 0];
  const parts: number[] = [];
  const watched: FederationStore = {
    ...store,
    getRange: async (key, start, end, into) => {
      if (!into) return store.getRange(key, start, end);
      bytes = Math.max(bytes, into.buffer.byteLength);
      requestsAtATime = Math.max(requestsAtATime, ++open);
      largestRange = Math.max(largestRange, end - start);
      await new Promise(setImmediate);
      open--;
      return store.getRange(key, start, end, into);
    },
    putParts: async (key, sent) => {
      for await (const part of sent) if (key === 'global') parts.push(part.length);
      return store.put(key, new Uint8Array());
    },
  };
  const base = hasBase ? { ...(inputs[0] as MergeInput).weights, state: null } : null;
  const aggregation = plannedAggregation(configured(strategy));
  const merged = await merge(watched, inputs, { aggregation, base, sliceBytes: 64 * 1024 });
  if (merged.kind !== 'merged') throw new Error(merged.kind);
  return { bytes, requestsAtATime, largestRange, parts, written: merged.global.bytes };
}

describe.each(STRATEGIES)('a merge by %s', (strategy) => {
  test('needs the same memory for a model of any size', async () => {
    const [small, large] = [await useOf(strategy, 4, 200_000), await useOf(strategy, 4, 1_400_000)];

    expect(large.bytes).toBe(small.bytes);
    expect(large).toMatchObject({ requestsAtATime: 8, largestRange: 64 * 1024 });
    // S3 requires parts of at least 5 MiB, except for the last.
    expect(large.parts).toEqual([5 * MiB, large.written - 5 * MiB]);
    expect(small.parts).toEqual([small.written]);
  });

  test("needs the same memory for a first round's model of any size", async () => {
    const [small, large] = [await useOf(strategy, 4, 200_000, false), await useOf(strategy, 4, 600_000, false)];

    expect(large.bytes).toBe(small.bytes);
  });
});

describe('a merge', () => {
  test('by a sum needs the same memory for any number of updates', async () => {
    expect((await useOf('fedavg', 40, 20_000)).bytes).toBe((await useOf('fedavg', 4, 20_000)).bytes);
  });

  test('that holds all updates uses smaller slices for more updates', () => {
    const layout = new Map([['w', { dtype: 'F32', shape: [1e8] }]]);
    const context = { options: {}, updates: [{ header: { tensors: layout } }] } as unknown as MergeContext;
    for (const rows of [1, 2, 7, 8, 9, 32, 1000]) {
      const slices = slicesOfMerge(context, { rows });
      const bytes = 4 * Math.max(...slices.map(({ start, end }) => end - start));
      expect(rows * bytes).toBeLessThanOrEqual(24 * MiB);
      expect(bytes).toBeLessThanOrEqual(4 * MiB);
      // Slices are as large as allowed, since each costs one request per update.
      expect((rows + 1) * (bytes + 16)).toBeGreaterThan(Math.min(24, 4 * rows) * MiB);
      expect(slices.at(-1)?.end).toBe(1e8);
    }
  });
});
