import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Aggregation, plannedAggregation } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { untrainedMetadata } from '../weights/untrained.ts';
import { clippingOf } from './clipping.ts';
import {
  configured,
  f32,
  fixture,
  floatsOf,
  memoryStore,
  merge,
  mergedModel,
  model,
  type StrategyName,
  storeFile,
  storeUpdate,
} from './testing.ts';

const FACTOR = 2;
const AVERAGING = ['fedavg', 'fedavgm', 'fedadam', 'fedyogi', 'trimmed-mean'] as const;
const planned = (strategy: StrategyName, options = {}): Aggregation =>
  plannedAggregation(configured(strategy, options));
const FEDAVG = planned('fedavg');
const UNCLIPPED = configured('fedavg');

const SIZE = 6;
const row = (most: number) =>
  fc.array(fc.float({ noNaN: true, min: -most, max: most }), { minLength: SIZE, maxLength: SIZE });
/** A base and honest updates near it. */
const honestRound = fc.record({
  base: row(10),
  differences: fc.array(row(1), { minLength: 2, maxLength: 9 }),
});
/** Any finite values. */
const forged = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: SIZE, maxLength: SIZE });

const plus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => Math.fround(x + (b[i] as number)));
const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, i) => x - (b[i] as number)));

const storeAll = (store: FederationStore, updates: readonly (readonly number[])[], samples?: readonly number[]) =>
  Promise.all(updates.map((values, i) => storeUpdate(store, `site-${i}`, samples?.[i] ?? 1, model(...values))));
const storeBase = async (store: FederationStore, values: readonly number[]) => ({
  ...(await storeFile(store, 'base', encodeSafetensors(model(...values)))),
  state: null,
});

describe('clippingOf', () => {
  test('compares with the lower of the middle two norms, and is not moved by a malicious minority', () => {
    const factors = (norms: readonly number[]) =>
      clippingOf(norms, { clipFactor: 2 }, true).map(({ factor }) => factor);

    expect(factors([1, 2, 3, 1e30])).toEqual([1, 1, 1, 4 / 1e30]);
    expect(factors([0, 2, 3, 5])).toEqual([1, 1, 1, 4 / 5]);
    expect(factors([0, 0, 0])).toEqual([1, 1, 1]);
    expect(factors([7])).toEqual([1]);
  });

  test('applies the smaller of both limits, and clipNorm with a base only', () => {
    const limits = { clipFactor: 2, clipNorm: 3 };

    expect(clippingOf([1, 2, 6], limits, true).map(({ factor }) => factor)).toEqual([1, 1, 1 / 2]);
    expect(clippingOf([1, 2, 6], limits, false).map(({ factor }) => factor)).toEqual([1, 1, 4 / 6]);
  });
});

describe('compared with numpy', () => {
  const stored = decodeSafetensors(fixture('clipping'));
  const expected = (name: string) => [...(stored.get(name)?.data ?? [])].map(Number);
  const SAMPLES = [5, 1, 78, 30, 12, 3, 44, 9];

  test.each<[string, StrategyName, 'base' | 'first']>([
    ['mean', 'fedavg', 'base'],
    ['mean', 'fedavg', 'first'],
    ['trimmed', 'trimmed-mean', 'base'],
    ['trimmed', 'trimmed-mean', 'first'],
  ])('%s by %s, difference from %s', async (result, strategy, origin) => {
    const store = memoryStore();
    const inputs = await storeAll(
      store,
      SAMPLES.map((_, i) => expected(`site-${i}`)),
      SAMPLES,
    );
    const base = origin === 'base' ? await storeBase(store, expected('base')) : null;
    // The fixture limits no share.
    const limits = strategy === 'fedavg' ? { shareFactor: null } : {};
    const options = { aggregation: planned(strategy, limits), base, sliceBytes: 32 };

    const merged = await merge(store, inputs, options);
    const values = floatsOf(await mergedModel(store, inputs, options));

    const norms = merged.kind === 'merged' ? merged.norms : undefined;
    // The fixture stores float32. A clipped update is rounded to float32 before the merge, which rounds once more.
    expect(norms?.map(({ norm }) => Math.fround(norm))).toEqual(expected(`${origin}/norms`));
    expect(norms?.map(({ factor }) => Math.fround(factor))).toEqual(expected(`${origin}/factors`));
    const wanted = expected(`${origin}/${result}`);
    const largest = Math.max(...wanted.map(Math.abs));
    expect(Math.max(...values.map((value, i) => Math.abs(value - (wanted[i] as number)))) / largest).toBeLessThan(
      2 ** -22,
    );
  });
});

describe('clipping relative to the median norm', () => {
  test('bounds the step by the honest updates, whatever one site sends', async () => {
    await fc.assert(
      fc.asyncProperty(honestRound, forged, async ({ base, differences }, malicious) => {
        const store = memoryStore();
        const honest = differences.map((difference) => plus(base, difference));
        const inputs = await storeAll(store, [...honest, malicious]);

        const merged = floatsOf(
          await mergedModel(store, inputs, { aggregation: FEDAVG, base: await storeBase(store, base) }),
        );

        const largest = Math.max(...honest.map((update) => distance(update, base)));
        // Each update is rounded to float32, at values up to 11.
        expect(distance(merged, base)).toBeLessThanOrEqual(FACTOR * largest + 1e-5);
      }),
    );
  });

  test("bounds a first round's model by the honest updates, whatever one site sends", async () => {
    await fc.assert(
      fc.asyncProperty(honestRound, forged, async ({ base, differences }, malicious) => {
        const store = memoryStore();
        const honest = differences.map((difference) => plus(base, difference));
        const inputs = await storeAll(store, [...honest, malicious]);

        const merged = floatsOf(await mergedModel(store, inputs, { aggregation: FEDAVG }));

        const apart = Math.max(...honest.flatMap((a) => honest.map((b) => distance(a, b))));
        // The centre lies within the box around the honest updates, so that it is at most √SIZE · apart from each.
        const reach = (1 + FACTOR) * Math.sqrt(SIZE) * apart;
        expect(distance(merged, honest[0] as readonly number[])).toBeLessThanOrEqual(reach + 1e-5);
      }),
    );
  });

  test.each(AVERAGING)('leaves %s alone if no norm is too large', async (strategy) => {
    await fc.assert(
      fc.asyncProperty(row(10), fc.integer({ min: 3, max: 9 }), fc.boolean(), async (base, count, hasBase) => {
        const store = memoryStore();
        // All differences have the same norm.
        const updates = Array.from({ length: count }, (_, i) => base.map((x, at) => x + (at === i % SIZE ? 0.5 : 0)));
        const inputs = await storeAll(store, updates);
        const from = hasBase ? await storeBase(store, base) : null;
        const { clipFactor: _, ...unclipped } = planned(strategy);

        const clipped = await merge(store, inputs, { aggregation: planned(strategy), base: from });
        const plain = await merge(store, inputs, { aggregation: unclipped as Aggregation, base: from });

        const { norms, ...files } = clipped.kind === 'merged' ? clipped : { norms: undefined };
        if (norms?.every(({ factor }) => factor === 1)) expect(files).toEqual(plain);
        else expect(hasBase).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('does not depend on the order of the sites', async () => {
    await fc.assert(
      fc.asyncProperty(honestRound, forged, fc.boolean(), async ({ base, differences }, malicious, hasBase) => {
        const store = memoryStore();
        const inputs = await storeAll(store, [...differences.map((difference) => plus(base, difference)), malicious]);
        const options = { aggregation: FEDAVG, base: hasBase ? await storeBase(store, base) : null };
        const normsOf = async (order: typeof inputs) => {
          const merged = await merge(store, order, options);
          const norms = merged.kind === 'merged' ? merged.norms : undefined;
          return norms?.toSorted((a, b) => (a.site < b.site ? -1 : 1));
        };

        expect(await normsOf(inputs.toReversed())).toEqual(await normsOf(inputs));
      }),
    );
  });

  test.each(AVERAGING)('writes the same bytes and norms for any slice size, by %s', async (strategy) => {
    await fc.assert(
      fc.asyncProperty(honestRound, forged, fc.boolean(), async ({ base, differences }, malicious, hasBase) => {
        const store = memoryStore();
        const bounded = malicious.map((value) => Math.max(-1e17, Math.min(1e17, value)));
        const inputs = await storeAll(store, [...differences.map((difference) => plus(base, difference)), bounded]);
        const options = { aggregation: planned(strategy), base: hasBase ? await storeBase(store, base) : null };

        const whole = await merge(store, inputs, options);

        expect(whole.kind).toBe('merged');
        expect(await merge(store, inputs, { ...options, sliceBytes: 16 })).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });

  test('reads every update once if nothing is clipped, and twice otherwise', async () => {
    const store = memoryStore();
    const base = await storeBase(store, [0, 0]);
    const passes = async (last: number) => {
      const inputs = await storeAll(store, [
        [1, 0],
        [0, 1],
        [last, 0],
      ]);
      let reads = 0;
      const counted: FederationStore = {
        ...store,
        getRange: (key, start, end, into) => {
          if (into && key === inputs[0]?.weights.key) reads++;
          return store.getRange(key, start, end, into);
        },
      };
      // Slices so small that the files are not kept.
      await merge(counted, inputs, { aggregation: FEDAVG, base, sliceBytes: 16 });
      return reads;
    };

    expect([await passes(1), await passes(100)]).toEqual([1, 2]);
  });

  test('clips a difference of a server optimiser before it can overflow', async () => {
    const store = memoryStore();
    const base = await storeBase(store, [0, 0]);
    const inputs = await storeAll(store, [
      [1, 1],
      [1, 1],
      [1e18, 1],
    ]);
    const options = { learningRate: 1e25 };

    const unclipped = await merge(store, inputs, { aggregation: configured('fedavgm', options), base });
    const clipped = await merge(store, inputs, { aggregation: planned('fedavgm', options), base });

    expect(unclipped).toMatchObject({ kind: 'impossible' });
    expect(clipped).toMatchObject({ kind: 'merged', norms: [{ factor: 1 }, { factor: 1 }, { site: 'site-2' }] });
  });

  test('clips differences and half floats like whole float32 weights', async () => {
    const store = memoryStore();
    const base = await storeBase(store, [1, 2, -3]);
    const differences = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 8],
    ];
    const inputs = await storeAll(
      store,
      differences.map((difference) => plus([1, 2, -3], difference)),
    );
    const expected = await merge(store, inputs, { aggregation: FEDAVG, base });

    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const sent = await Promise.all(
        differences.map((values, i) => storeUpdate(store, `site-${i}`, 1, model(...values), dtype)),
      );
      expect(await merge(store, sent, { aggregation: FEDAVG, base, delta: true, dtype })).toEqual(expected);
    }
  });

  test('takes the norm over all floats, so that a head declared untrained hides nothing', async () => {
    const store = memoryStore();
    const base = { ...(await storeFile(store, 'base', encodeSafetensors(heads(0, 0)))), state: null };
    const inputs = await Promise.all(
      [
        [1, 0],
        [1, 0],
        [1, 300],
      ].map(([body = 0, head = 0], i) =>
        storeUpdate(store, `site-${i}`, 1, encodeSafetensors(heads(body, head), untrainedMetadata(['out.head']))),
      ),
    );

    const merged = await mergedModel(store, inputs, { aggregation: planned('fedavg', { untrained: 'skip' }), base });

    // Nobody trained the head, so that all updates count for it.
    expect(floatsOf(merged)[1]).toBeLessThan(1);
  });
});

const heads = (body: number, head: number) =>
  new Map([
    ['body.w', f32([body])],
    ['out.head', f32([head])],
  ]);

describe('a plan of an older release', () => {
  test('clips nothing, and trims a share that is rounded down', async () => {
    const store = memoryStore();
    const inputs = await storeAll(store, [
      [0, 0],
      [0, 3],
      [0, 300],
    ]);
    const base = await storeBase(store, [0, 0]);

    const plain = await merge(store, inputs, { aggregation: UNCLIPPED, base });
    const off = await merge(store, inputs, { aggregation: configured('fedavg', { clipFactor: null }), base });
    const untrimmed = await mergedModel(store, inputs, { aggregation: configured('trimmed-mean'), base });
    const trimmed = await mergedModel(store, inputs, { aggregation: planned('trimmed-mean'), base });

    expect(off).toEqual(plain);
    expect(plain).not.toHaveProperty('norms');
    expect(floatsOf(untrimmed)).toEqual([0, 101]);
    expect(floatsOf(trimmed)).toEqual([0, 3]);
  });
});
