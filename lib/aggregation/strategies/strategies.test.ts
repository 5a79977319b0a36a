import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOf } from '../../federation/testing.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import type { Tensors } from '../../weights/weights.ts';
import {
  configured,
  f32,
  floatsOf,
  memoryStore,
  merge,
  mergedModel,
  model,
  STRATEGIES,
  storeFile,
  storeUpdate,
} from '../testing.ts';
import { strategyOf } from './strategies.ts';

/** A model with floats before and after its counters. */
const mixed = (values: readonly number[], steps: bigint, seen: number): Tensors =>
  new Map<string, Tensors extends ReadonlyMap<string, infer T> ? T : never>([
    ['bias', f32(values.slice(0, 3))],
    ['empty', f32([], [0, 2])],
    ['norm.seen', { dtype: 'I32', shape: [2], data: Int32Array.of(seen, -seen) }],
    ['norm.steps', { dtype: 'I64', shape: [], data: BigInt64Array.of(steps) }],
    ['weight', f32(values.slice(3))],
  ]);

const finite = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
/** A base and five updates with the same number of values. */
const campaign = fc.integer({ min: 4, max: 14 }).chain((size) => {
  const values = fc.array(finite, { minLength: size, maxLength: size });
  return fc.record({
    base: values,
    updates: fc.array(values, { minLength: 5, maxLength: 5 }),
    samples: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 5, maxLength: 5 }),
  });
});

async function stored(store: FederationStore, updates: readonly (readonly number[])[], samples: readonly number[]) {
  return Promise.all(
    updates.map((values, i) =>
      storeUpdate(store, `site-${i}`, samples[i] ?? 1, mixed(values, BigInt(i) << 40n, 10 - i)),
    ),
  );
}

describe.each(STRATEGIES)('%s', (name) => {
  const aggregation = configured(name);
  const { moments, select } = strategyOf(aggregation);

  test('writes the same bytes for any slice size, with and without a base', async () => {
    await fc.assert(
      fc.asyncProperty(campaign, async ({ base, updates, samples }) => {
        const store = memoryStore();
        const inputs = await stored(store, updates, samples);
        const file = await storeFile(store, 'base', encodeSafetensors(mixed(base, 0n, 0)));
        for (const from of [null, { ...file, state: null }]) {
          const whole = await merge(store, inputs, { aggregation, base: from });
          expect(whole).toMatchObject({ kind: 'merged' });
          for (const sliceBytes of [16, 32]) {
            expect(await merge(store, inputs, { aggregation, base: from, sliceBytes })).toEqual(whole);
          }
        }
      }),
      { numRuns: 15 },
    );
  });

  test('returns the update if all sites send the same, without a base', async () => {
    await fc.assert(
      fc.asyncProperty(campaign, async ({ base, samples }) => {
        const store = memoryStore();
        const inputs = await Promise.all(
          samples.map((count, i) => storeUpdate(store, `site-${i}`, count, mixed(base, 5n, 6))),
        );
        expect(await mergedModel(store, inputs, { aggregation })).toEqual(mixed(base, 5n, 6));
      }),
      { numRuns: 15 },
    );
  });

  test('stays within the range of the updates without a base', async () => {
    await fc.assert(
      fc.asyncProperty(campaign, async ({ updates, samples }) => {
        const store = memoryStore();
        const merged = floatsOf(await mergedModel(store, await stored(store, updates, samples), { aggregation }));
        for (const [i, value] of merged.entries()) {
          const sent = updates.map((update) => update[i] as number);
          expect(value).toBeGreaterThanOrEqual(Math.min(...sent));
          expect(value).toBeLessThanOrEqual(Math.max(...sent));
        }
      }),
      { numRuns: 15 },
    );
  });

  test('takes the maximum of each integer over the merged updates', async () => {
    const store = memoryStore();
    const inputs = await stored(
      store,
      [
        [1, 1, 1, 1],
        [2, 2, 2, 2],
        [2, 2, 2, 2],
      ],
      [1, 1, 1],
    );

    const merged = await mergedModel(store, inputs, { aggregation });

    // Krum selects the second update; Multi-Krum also the third.
    const [first, last] = name === 'krum' ? [1, 1] : name === 'multi-krum' ? [1, 1] : [0, 2];
    expect(merged.get('norm.steps')?.data).toEqual(BigInt64Array.of(BigInt(last) << 40n));
    expect(merged.get('norm.seen')?.data).toEqual(Int32Array.of(10 - first, last - 10));
  });

  test('merges differences and half floats like the whole float32 weights', async () => {
    const store = memoryStore();
    // Multiples of 1/8 below 32 and their sums are exact in F16 and BF16.
    const base = [1, 2, -3, 4, 0.5].map((value) => value * 0.125);
    const differences = [3, -1, 2, 7, 7].map((scale) => [1, 0, -2, 5, 4].map((value) => (scale * value) / 8));
    const from = { ...(await storeFile(store, 'base', encodeSafetensors(mixed(base, 0n, 0)))), state: null };
    const whole = differences.map((row) => row.map((value, i) => value + (base[i] as number)));
    const samples = [3, 1, 4, 1, 5];
    const expected = await merge(store, await stored(store, whole, samples), { aggregation, base: from });

    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      for (const delta of [false, true]) {
        const inputs = await Promise.all(
          (delta ? differences : whole).map((values, i) =>
            storeUpdate(store, `site-${i}`, samples[i] as number, mixed(values, BigInt(i) << 40n, 10 - i), dtype),
          ),
        );
        const options = { aggregation, base: from, delta, dtype, sliceBytes: 16 };
        expect(await merge(store, inputs, options)).toEqual(expected);
      }
    }
  });

  test(`reads each byte of every update once${select ? ', and those of merged updates again' : ''}`, async () => {
    const store = memoryStore();
    const inputs = await stored(
      store,
      [
        [1, 2, 3, 4],
        [1, 2, 3, 5],
        [9, 9, 9, 9],
      ],
      [1, 1, 1],
    );
    const read = new Map<string, number>();
    const spy: FederationStore = {
      ...store,
      getRange: async (...args) => {
        const bytes = await store.getRange(...args);
        const [key, start] = args;
        if (start > 0) read.set(key, (read.get(key) ?? 0) + bytes.length);
        return bytes;
      },
    };

    await merge(spy, inputs, { aggregation, sliceBytes: 16 });

    const bytes = 8 + 8 + 16;
    // Krum with byzantine 0 selects the update that is nearest to one other.
    const passes = select ? [2, 1, 1] : [1, 1, 1];
    expect(inputs.map(({ weights }) => read.get(weights.key))).toEqual(passes.map((count) => count * bytes));
  });

  test('refuses an update that is not finite, and writes nothing', async () => {
    const store = memoryStore();
    const updates = [
      [1, 1, 1, 1],
      [1, 1, Number.NaN, 1],
      [1, 1, 1, Number.POSITIVE_INFINITY],
    ];
    const inputs = await stored(store, updates, [1, 1, 1]);
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(mixed([0, 0, 0, 0], 0n, 0)))), state: null };

    const merged = await merge(store, inputs, { aggregation, base });

    const reason = 'tensor "bias" has values that are not finite';
    expect(merged).toEqual({ kind: 'refused', refused: [{ input: inputs[1], reason, permanent: true }] });
    expect(await store.head(keyOf('global'))).toBeUndefined();
    expect(await store.head(keyOf('state'))).toBeUndefined();
  });

  test(
    moments.length > 0 ? 'keeps its moments in a state that the next round continues' : 'keeps no state',
    async () => {
      const store = memoryStore();
      const from = await storeFile(store, 'base', encodeSafetensors(mixed([0, 0, 0, 0], 0n, 0)));
      const inputs = await stored(
        store,
        [
          [1, 2, 3, 4],
          [3, 2, 1, 0],
          [2, 2, 2, 2],
        ],
        [1, 1, 1],
      );

      const first = await merge(store, inputs, { aggregation, base: { ...from, state: null } });
      const state = first.kind === 'merged' ? first.state : null;
      const second = await merge(store, inputs, { aggregation, base: { ...from, state }, key: 'again' });

      if (moments.length === 0) expect(state).toBeNull();
      else expect(second).toMatchObject({ kind: 'merged', state: { key: 'state' } });
      const values = async (key: string) => (await store.get(keyOf(key))).body;
      const same = Buffer.compare(await values('global'), await values('again')) === 0;
      expect(same).toBe(moments.length === 0);
    },
  );

  test('reports when there is nothing to merge', async () => {
    expect(await merge(memoryStore(), [], { aggregation })).toEqual({
      kind: 'impossible',
      reason: 'There is no update to merge.',
    });
  });
});

describe('Krum', () => {
  test('keeps updates in their order, which their sum has too, and not in that of their scores', () => {
    const places = [100, 0.2, 0, 0.1, 50];
    const distances = places.map((one) => places.map((other) => (one - other) ** 2));

    const { select } = strategyOf(configured('multi-krum', { byzantine: 1, keep: 2 }));

    expect(select?.(distances)).toEqual([1, 3]);
  });

  test.each(['krum', 'multi-krum'] as const)('needs 2 · byzantine + 3 updates (%s)', async (name) => {
    const store = memoryStore();
    const inputs = await Promise.all(
      [1, 2, 3, 4, 5].map((value, i) => storeUpdate(store, `site-${i}`, 1, model(value, value))),
    );
    const aggregation = configured(name, { byzantine: 1 });

    expect(await merge(store, inputs, { aggregation })).toMatchObject({ kind: 'merged' });
    expect(await merge(store, inputs.slice(1), { aggregation })).toEqual({
      kind: 'impossible',
      reason: 'Krum with byzantine 1 needs at least 5 updates, there are 4.',
    });
  });
});
