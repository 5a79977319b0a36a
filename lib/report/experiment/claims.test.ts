import { describe, expect, test } from 'vitest';
import type { DefaultTaskId } from '../../federation/tasks.ts';
import { claimsOf, FEWEST_SEEDS, type Verdict, verdictOf } from './claims.ts';
import { COMPARISONS, MODELS } from './compared-models.ts';
import { byPlace, EXTERNAL, type More, resultOf, SITES, TASK_IDS } from './testing.ts';

/** How much better a model is, as a share or as Dice, than another in a seed and at a site. */
type Advantage = (seed: number, site: string, pair: readonly [string, string], task: DefaultTaskId) => number;

const compared = (seed: number, advantage: Advantage): NonNullable<More['comparisons']> => {
  return (site) =>
    COMPARISONS.flatMap((pair) =>
      [...TASK_IDS, 'coronary-arteries' as const].map((task) => {
        const differences = [advantage(seed, site, pair, task), advantage(seed, site, pair, task)];
        const named = { first: pair[0], second: pair[1], task };
        return task === 'calcification' || task === 'coronary-arteries'
          ? { ...named, dice: differences }
          : { ...named, within6mm: differences };
      }),
    );
};
const falseCalcium = (student: number, threshold: number): NonNullable<More['scores']> => {
  return () => [
    { model: MODELS.threshold, task: 'calcification', dice: [], falseVolumes: [threshold] },
    { model: MODELS.distilledSwin, task: 'calcification', dice: [], falseVolumes: [student] },
  ];
};

const results = (seeds: number, advantage: Advantage, more: More = {}) =>
  Array.from({ length: seeds }, (_, seed) =>
    resultOf(seed, () => [0.7, 0.7], { comparisons: compared(seed, advantage), ...more }),
  );
const verdicts = (seeds: number, advantage: Advantage, more: More = {}) => {
  const claims = claimsOf(results(seeds, advantage, more));
  const textsOf = (verdict: Verdict) => claims.filter((claim) => claim.verdict === verdict).map(({ text }) => text);
  return { reached: textsOf('reached'), missed: textsOf('missed'), undecided: textsOf('undecided') };
};
/** Each seed's models differ a little. */
const jitter = (seed: number) => 0.01 * ((seed * 7) % 5);

describe('a claim', () => {
  test('is reached if all of eight seeds support it, and undecided if so few do that it may be chance', () => {
    const advantage: Advantage = (seed) => 0.1 + jitter(seed);

    const { reached, missed, undecided } = verdicts(8, advantage);
    expect(reached).toHaveLength(14);
    expect(missed).toEqual([]);
    // Without volumes, false calcium is not measured.
    expect(undecided).toEqual([expect.stringMatching(/no calcium/)]);
    expect(verdicts(FEWEST_SEEDS - 1, advantage)).toMatchObject({ reached: [], missed: [] });
  });

  test('is missed if the value contradicts it, whatever the interval', () => {
    const { reached, missed } = verdicts(8, (seed) => -0.2 - jitter(seed));

    // The Dice of 0.6 does not depend on differences.
    expect(reached).toEqual([expect.stringMatching(/Dice of 0\.6/)]);
    expect(missed).toHaveLength(13);
  });

  test('is undecided if the seeds disagree, however many cases agree within each', () => {
    const { undecided } = verdicts(8, (seed) => (seed < 6 ? 0.1 : -0.2));

    expect(undecided).toContainEqual(expect.stringMatching(/probe/i));
  });

  test('is not measured without scores, and then undecided', () => {
    for (const { estimate, verdict } of claimsOf([resultOf(1, () => [])])) {
      expect(estimate).toEqual({ value: null, seeds: 0, byT: null, byBootstrap: null });
      expect(verdict).toBe('undecided');
    }
  });

  test('of other sites leaves out sites that trained the model, and external ones', () => {
    const elsewhere: Advantage = (seed, site) => (site === 'bonn' || site === 'jena' ? 0.1 + jitter(seed) : -1);
    const ofOthers = claimsOf(results(8, elsewhere, { sites: [...SITES, EXTERNAL] })).filter(({ text }) =>
      /other sites/.test(text),
    );

    expect(ofOthers).toHaveLength(3);
    for (const { verdict } of ofOthers) expect(verdict).toBe('reached');
  });

  test('against the teacher allows a tenth less, of a teacher that is scored with its missing points', () => {
    const nearly = claimsOf(results(8, () => -0.05));
    const near = nearly.filter(({ text }) => /0\.9 of the teacher/.test(text));

    expect(near.map(({ verdict }) => verdict)).toEqual(['reached', 'reached', 'reached']);
    // A teacher with Dice 0.7 and a difference of −0.05.
    expect(near.at(-1)?.estimate.value).toBeCloseTo(0.65 / 0.7, 9);
    // Half of the teacher's points are missing, and the student loses 0.05 of all.
    const halfMissing = claimsOf([resultOf(1, byPlace, { comparisons: compared(1, () => -0.05) })]);
    expect(halfMissing.find(({ text }) => /0\.9.*septum/.test(text))?.estimate.value).toBeCloseTo(0.45 / 0.5, 9);
  });

  test('about false calcium compares volumes where there is no calcium', () => {
    const verdict = (student: number, threshold: number) =>
      claimsOf(
        Array.from({ length: 8 }, (_, seed) => resultOf(seed, () => [], { scores: falseCalcium(student, threshold) })),
      ).find(({ text }) => /no calcium/.test(text))?.verdict;

    expect([verdict(0, 5), verdict(5, 5), verdict(5, 0)]).toEqual(['reached', 'reached', 'missed']);
  });
});

test('an interval that touches the contrary is undecided, by either of the two', () => {
  const holds = (value: number) => value > 0;
  const estimate = { value: 1, seeds: 8, byT: { low: 0.5, high: 1.5 }, byBootstrap: { low: 0.4, high: 1.6 } };

  expect(verdictOf(estimate, holds)).toBe('reached');
  expect(verdictOf({ ...estimate, byT: { low: -0.1, high: 2.1 } }, holds)).toBe('undecided');
  expect(verdictOf({ ...estimate, byBootstrap: { low: 0, high: 2 } }, holds)).toBe('undecided');
  expect(verdictOf({ ...estimate, byT: null }, holds)).toBe('undecided');
  expect(verdictOf({ ...estimate, value: 0 }, holds)).toBe('missed');
  expect(verdictOf({ ...estimate, seeds: FEWEST_SEEDS - 1 }, holds)).toBe('undecided');
});
