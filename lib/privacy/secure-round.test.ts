import { describe, expect, test } from 'vitest';
import { MAX_SHARES } from './secret-shares.ts';
import { type Cohort, leastThreshold, pointOf, requireCohort, requireRound } from './secure-round.ts';

const sites = (count: number) => Array.from({ length: count }, (_, i) => `site-${String(i).padStart(3, '0')}`);
const cohort = (count: number, fields: Partial<Cohort> = {}): Cohort => ({
  ...{ campaign: 'tavi', stage: 'teacher', plan: 'p', attempt: 1, rounds: 2, agreed: 'a' },
  sites: sites(count),
  threshold: leastThreshold(count, 0),
  ...fields,
});

describe('a cohort', () => {
  test('has a threshold above half of the honest sites and all colluding ones', () => {
    expect([leastThreshold(3, 0), leastThreshold(25, 0), leastThreshold(25, 8), leastThreshold(4, 1)]).toEqual([
      2, 13, 17, 3,
    ]);
  });

  test.each([3, 4, MAX_SHARES])(
    'is possible with %i sites, and any threshold from the least to all of them',
    (count) => {
      const least = leastThreshold(count, 0);
      for (const threshold of [least, count]) expect(() => requireCohort(cohort(count, { threshold }))).not.toThrow();
      for (const threshold of [least - 1, count + 1, least + 0.5]) {
        const impossible = { code: 'BAD_CONFIGURATION', message: expect.stringContaining(`threshold of ${threshold}`) };
        expect(() => requireCohort(cohort(count, { threshold }))).toThrow(expect.objectContaining(impossible));
      }
    },
  );

  test.each<[string, Cohort, string]>([
    ['two sites', cohort(2), 'it has 2 sites'],
    ['too many sites', cohort(MAX_SHARES + 1), `at most ${MAX_SHARES}`],
    ['sites that are not sorted', cohort(3, { sites: ['b', 'a', 'c'] }), 'sorted'],
    ['a site twice', cohort(3, { sites: ['a', 'a', 'b'] }), 'different'],
    ['no round', cohort(3, { rounds: 0 }), 'it has 0 rounds'],
  ])('is impossible with %s', (_, impossible, reason) => {
    expect(() => requireCohort(impossible)).toThrow(reason);
  });

  test("has a site's shares at its position + 1, and none for others", () => {
    expect(sites(3).map((site) => pointOf(cohort(3), site))).toEqual([1, 2, 3]);
    expect(() => pointOf(cohort(3), 'mallory')).toThrow('"mallory" is not in the cohort');
  });

  test('has keys for its rounds alone', () => {
    for (const round of [1, 2]) expect(() => requireRound({ cohort: cohort(3), round })).not.toThrow();
    for (const round of [0, 3, 1.5, -1]) {
      const missing = { code: 'BAD_MESSAGE', message: expect.stringContaining(`no round ${round} of 2`) };
      expect(() => requireRound({ cohort: cohort(3), round })).toThrow(expect.objectContaining(missing));
    }
  });
});
