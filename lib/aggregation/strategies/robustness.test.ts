import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Aggregation, plannedAggregation } from '../../federation/schemas.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import {
  configured,
  floatsOf,
  memoryStore,
  mergedModel,
  model,
  type StrategyName,
  storeFile,
  storeUpdate,
} from '../testing.ts';
import { strategyOf } from './strategies.ts';

/** What `tolerates`, and with it the warnings of a plan, promises of a strategy. */

const SIZE = 4;
const row = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: SIZE, maxLength: SIZE });
const near = row(fc.float({ noNaN: true, min: -1, max: 1 }));
/** Far away, or between the honest updates. */
const forged = fc.oneof(row(fc.float({ noNaN: true, noDefaultInfinity: true })), near);

interface Round {
  readonly base: readonly number[] | undefined;
  readonly honest: readonly (readonly number[])[];
  readonly malicious: readonly (readonly number[])[];
}

/** A round with as many malicious sites as the strategy claims to tolerate. */
const roundOf = (aggregation: Aggregation, fewest: number): fc.Arbitrary<Round> =>
  fc.integer({ min: fewest, max: 11 }).chain((updates) => {
    const count = strategyOf(aggregation).tolerates(updates);
    return fc.record({
      base: fc.option(near, { nil: undefined }),
      honest: fc.array(near, { minLength: updates - count, maxLength: updates - count }),
      malicious: fc.array(forged, { minLength: count, maxLength: count }),
    });
  });

/** Merges a round in which malicious sites, first or last by name, also claim more cases. */
async function merged(aggregation: Aggregation, { base, honest, malicious }: Round, isFirst: boolean) {
  const store = memoryStore();
  const all = isFirst ? [...malicious, ...honest] : [...honest, ...malicious];
  const inputs = await Promise.all(
    all.map((values, i) => storeUpdate(store, `site-${i}`, malicious.includes(values) ? 1e9 : 1, model(...values))),
  );
  const from = base && { ...(await storeFile(store, 'base', encodeSafetensors(model(...base)))), state: null };
  return floatsOf(await mergedModel(store, inputs, { aggregation, base: from ?? null }));
}

const distance = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((x, i) => x - (b[i] as number)));
const largest = (values: readonly number[]) => Math.max(0, ...values);

describe('the values of tolerated sites do not move the result beyond those of the others', () => {
  test.each<[string, Aggregation]>([
    ['median', configured('median')],
    ['trimmed-mean', configured('trimmed-mean', { minTrimmed: 1, trim: 0.3 })],
  ])('value by value, with %s', async (_, aggregation) => {
    await fc.assert(
      fc.asyncProperty(roundOf(aggregation, 3), fc.boolean(), async (round, isFirst) => {
        expect(round.malicious.length).toBeGreaterThan(0);

        for (const [i, value] of (await merged(aggregation, round, isFirst)).entries()) {
          const others = round.honest.map((values) => values[i] as number);
          expect(value).toBeGreaterThanOrEqual(Math.min(...others));
          expect(value).toBeLessThanOrEqual(Math.max(...others));
        }
      }),
    );
  });

  test('value by value and from the model before, with trimmed-mean as planned, which also clips', async () => {
    const aggregation = plannedAggregation(configured('trimmed-mean'));
    await fc.assert(
      fc.asyncProperty(roundOf(aggregation, 3), fc.boolean(), async (round, isFirst) => {
        for (const [i, value] of (await merged(aggregation, round, isFirst)).entries()) {
          const others = [...round.honest, ...(round.base ? [round.base] : [])].map((values) => values[i] as number);
          // A clipped update is rounded to float32 once more, at values up to 1.
          expect(value).toBeGreaterThanOrEqual(Math.min(...others) - 2 ** -23);
          expect(value).toBeLessThanOrEqual(Math.max(...others) + 2 ** -23);
        }
      }),
    );
  });

  // An update that is selected has a score of at most that of an honest one, which is at most (n − f − 2) times the square
  // of the honest diameter D. At least n − 2f − 1 of its neighbours are honest, so that the nearest of them is at most
  // √((n − f − 2) / (n − 2f − 1)) · D away. The mean of several updates is at most D further from it.
  test.each<[StrategyName, number]>([
    ['krum', 1],
    ['krum', 2],
    ['multi-krum', 1],
    ['multi-krum', 2],
  ])('by more than the distances between these, with %s and byzantine %i', async (strategy, byzantine) => {
    const aggregation = configured(strategy, { byzantine });
    await fc.assert(
      fc.asyncProperty(roundOf(aggregation, 2 * byzantine + 3), fc.boolean(), async (round, isFirst) => {
        const { honest, malicious } = round;
        expect(malicious).toHaveLength(byzantine);
        const updates = honest.length + byzantine;
        const diameter = largest(honest.flatMap((a) => honest.map((b) => distance(a, b))));
        const reach = Math.sqrt((updates - byzantine - 2) / (updates - 2 * byzantine - 1));

        const values = await merged(aggregation, round, isFirst);

        const nearest = Math.min(...honest.map((update) => distance(update, values)));
        const bound = (reach + (strategy === 'krum' ? 0 : 1)) * diameter;
        expect(nearest).toBeLessThanOrEqual(bound * (1 + 1e-6) + 1e-6);
      }),
    );
  });

  test.each<[string, Aggregation, number]>([
    ['two updates', configured('median'), 2],
    ['four updates', configured('krum', { byzantine: 1 }), 4],
    ['trim 0.1 of nine, without minTrimmed', configured('trimmed-mean'), 9],
    ['an average', plannedAggregation(configured('fedavg')), 9],
  ])('is not claimed for %s', (_, aggregation, updates) => {
    expect(strategyOf(aggregation).tolerates(updates)).toBe(0);
  });
});
