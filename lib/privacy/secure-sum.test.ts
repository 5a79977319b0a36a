import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { collect } from '../async.ts';
import { seededRandom, shuffled } from '../random.ts';
import { errorBound, type FixedPoint } from './fixed-point.ts';
import { meanOfSums } from './masked-file.ts';
import { createRingMasks } from './ring-masks.ts';
import { binned, chiSquareDeviate } from './testing.ts';
import {
  createCohort,
  LAYOUT,
  plainWords,
  sendUpdate,
  slicesOf,
  sumOf,
  type TestUpdate,
  unmask,
  VALUES,
  WORDS,
} from './testing-cohort.ts';

const termsFor = (sites: number): FixedPoint => ({ range: 2, totalWeight: 100 * sites, sites });

function drawnUpdate(seed: string): TestUpdate {
  const random = seededRandom(seed);
  const values = Float32Array.from({ length: VALUES }, () => 3 * (random() - 0.5));
  const weight = 1 + Math.floor(100 * random());
  return { values, weights: { a: weight, b: weight, c: random() < 0.3 ? 0 : weight } };
}

/** The weighted mean of the clipped values, in float64. */
function meanOf(updates: readonly TestUpdate[]): readonly { weight: number; value: number }[] {
  const tensors = [...LAYOUT].flatMap(([name, { shape }]) => {
    return new Array<string>(shape.reduce<number>((product, side) => product * side, 1)).fill(name);
  });
  return tensors.map((name, at) => {
    const weight = updates.reduce((sum, { weights }) => sum + (weights[name] as number), 0);
    const sum = updates.reduce((total, { values, weights }) => {
      return total + (weights[name] as number) * Math.max(-2, Math.min(2, values[at] as number));
    }, 0);
    return { weight, value: weight > 0 ? sum / weight : 0 };
  });
}

describe('secure aggregation', () => {
  const scenario = fc
    .record({ sites: fc.integer({ min: 3, max: 7 }), seed: fc.integer(), slice: fc.integer({ min: 1, max: WORDS }) })
    .chain((drawn) => {
      const threshold = Math.floor(drawn.sites / 2) + 1;
      const least = { min: threshold, max: drawn.sites };
      return fc.record({
        ...wrapped(drawn),
        threshold: fc.constant(threshold),
        updates: fc.integer(least),
        answers: fc.integer(least),
      });
    });

  test('gives the sum of the fixed-point updates to the byte, whoever drops out in whichever phase', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ sites, seed, slice, threshold, updates, answers }) => {
        const cohort = createCohort(sites, { threshold, rounds: 2 });
        const at = { cohort: cohort.cohort, round: 2 };
        const terms = termsFor(sites);
        const order = (part: string) => shuffled(seededRandom(part, seed), [...cohort.own.keys()]);
        const drawn = order('updates')
          .slice(0, updates)
          .map((i) => [i, drawnUpdate(`${seed}/${i}`)] as const);
        const sent = new Map(
          await Promise.all(
            drawn.map(async ([i, update]) => [i, await sendUpdate(cohort, at, i, update, terms)] as const),
          ),
        );

        const { recovery } = unmask(cohort, at, sent, order('answers').slice(0, answers));

        expect(recovery).toMatchObject({ missing: [], faults: [] });
        const sum = sumOf([...sent.values()].map(({ words }) => words));
        const unmasked = sum.slice();
        createRingMasks(recovery.masks ?? [])(unmasked);
        const plain = await Promise.all(drawn.map(([, update]) => plainWords(update, terms)));
        expect(unmasked).toEqual(sumOf(plain));
        const parts = await collect(
          meanOfSums({ layout: LAYOUT, terms, masks: recovery.masks ?? [] }, slicesOf(sum, slice)),
        );
        const means = parts.flatMap(({ values, weight }) => [...values].map((value) => ({ value, weight })));
        for (const [i, { value, weight }] of meanOf(drawn.map(([, update]) => update)).entries()) {
          expect(means[i]?.weight).toBe(weight);
          const bound = weight > 0 ? errorBound(terms, weight) + 2 ** -23 : 0;
          expect(Math.abs((means[i]?.value as number) - value)).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 12 },
    );
  });

  test('works for 25 sites in several rounds, with other drop-outs each', async () => {
    const cohort = createCohort(25, { threshold: 17, rounds: 3 });
    const terms = termsFor(25);
    for (const round of [1, 2, 3]) {
      const at = { cohort: cohort.cohort, round };
      const there = shuffled(seededRandom('25', round), [...cohort.own.keys()]);
      const updates = there.slice(0, 26 - 3 * round).map((i) => [i, drawnUpdate(`${round}/${i}`)] as const);
      const sent = new Map(
        await Promise.all(
          updates.map(async ([i, update]) => [i, await sendUpdate(cohort, at, i, update, terms)] as const),
        ),
      );

      const { recovery } = unmask(cohort, at, sent, there.slice(25 - 17));

      const sum = sumOf([...sent.values()].map(({ words }) => words));
      createRingMasks(recovery.masks ?? [])(sum);
      expect(sum).toEqual(sumOf(await Promise.all(updates.map(([, update]) => plainWords(update, terms)))));
    }
  });

  test('waits for more shares below the threshold', async () => {
    const cohort = createCohort(4);
    const at = { cohort: cohort.cohort, round: 1 };
    const sent = new Map(
      await Promise.all(
        [0, 1, 2].map(async (i) => [i, await sendUpdate(cohort, at, i, drawnUpdate(`${i}`), termsFor(4))] as const),
      ),
    );
    const answered = unmask(cohort, at, sent, [1, 2, 3]);

    expect(answered.recovery.masks).toHaveLength(3 + 3);
    expect(() => unmask(cohort, at, sent, [2, 3])).toThrow(/2 sites have endorsed the list of survivors, 3 are needed/);
  });

  test('sends the same bytes again after a restart, and other masks for another update of the same round', async () => {
    const cohort = createCohort(3);
    const at = { cohort: cohort.cohort, round: 1 };
    const [one, other] = [drawnUpdate('one'), drawnUpdate('other')];
    const send = (update: TestUpdate) => sendUpdate(cohort, at, 0, update, termsFor(3));

    const first = await send(one);

    expect(await send(one)).toEqual(first);
    const second = await send(other);
    const plain = [await plainWords(one, termsFor(3)), await plainWords(other, termsFor(3))] as const;
    const differences = first.words.map(
      (word, i) => word - (second.words[i] as number) - ((plain[0][i] as number) - (plain[1][i] as number)),
    );
    expect(differences.filter((difference) => difference === 0)).toHaveLength(0);
  });
});

describe('a masked update', () => {
  const LENGTH = 40_000;
  /** Small differences, as training makes them. */
  const plain = Int32Array.from({ length: LENGTH }, (_, i) => Math.round(1e6 * Math.sin(i)));
  /** How far bytes, and their products with the plain values, are from those of noise: |deviates|, which 5 bounds. */
  function deviates(values: Int32Array): readonly number[] {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const ofByte = [0, 1, 2, 3].map((at) => {
      const own = bytes.filter((_, i) => i % 4 === at);
      return chiSquareDeviate(
        binned(own, 256, (byte) => byte),
        new Array(256).fill(LENGTH / 256),
      );
    });
    const scale = (x: number) => x / 2 ** 31;
    const products = values.reduce((sum, value, i) => sum + scale(value) * Math.sign(plain[i] as number), 0);
    const neighbours = values.reduce((sum, value, i) => sum + scale(value) * scale(values[i - 1] ?? 0), 0);
    return [...ofByte, products / Math.sqrt(LENGTH / 3), neighbours / Math.sqrt(LENGTH / 9)].map(Math.abs);
  }
  const seed = (fill: number) => new Uint8Array(32).fill(fill);
  const masked = (...fills: readonly number[]) => {
    const values = plain.slice();
    createRingMasks(fills.map((fill) => ({ seed: seed(fill), sign: fill % 2 === 0 ? 1 : -1 })))(values);
    return values;
  };

  test('cannot be told from noise, with any one mask left', () => {
    expect(Math.max(...deviates(masked(1)))).toBeLessThan(5);
    expect(Math.max(...deviates(masked(2, 3, 4)))).toBeLessThan(5);
  });

  test('could be told by the same statistics without masks, with too small a mask, or with one used twice', () => {
    expect(Math.max(...deviates(plain))).toBeGreaterThan(100);
    expect(
      Math.max(...deviates(masked(1).map((value, i) => ((plain[i] as number) + (value >> 8)) | 0))),
    ).toBeGreaterThan(100);
    const again = masked(2).map((value, i) => value - (masked2[i] as number));
    expect(Math.max(...deviates(again))).toBeGreaterThan(100);
  });
  const masked2 = (() => {
    const values = new Int32Array(LENGTH);
    createRingMasks([{ seed: seed(2), sign: 1 }])(values);
    return values;
  })();

  test('has the same masks in slices of any length', () => {
    const whole = masked(1, 2);
    const values = plain.slice();
    const mask = createRingMasks([1, 2].map((fill) => ({ seed: seed(fill), sign: fill % 2 === 0 ? 1 : -1 })));
    for (const slice of slicesOf(values, 7001)) mask(slice);

    expect(Buffer.from(values.buffer).equals(Buffer.from(whole.buffer))).toBe(true);
  });
});

/** Constants as arbitraries. */
function wrapped<T extends Readonly<Record<string, unknown>>>(values: T) {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, fc.constant(value)])) as {
    [K in keyof T]: fc.Arbitrary<T[K]>;
  };
}
