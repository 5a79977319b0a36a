import { expect, test } from 'vitest';
import type { Ledger } from '../federation/schemas.ts';
import { epsilonOf } from './accountant.ts';
import { epsilonOfReleases, isAskedAnew, isWithin, withRelease } from './ledger.ts';
import { testRelease as release } from './testing.ts';

const LEDGER: Ledger = { schema: 'fedcardio.privacy-ledger/1', site: 'berlin', releases: [] };

test('a release counts once, whenever it is recorded', () => {
  const once = withRelease(LEDGER, release());

  expect(withRelease(once, release({ at: '2026-03-03T08:00:00Z' }))).toBe(once);
  for (const other of [{ campaign: 'other' }, { stage: 'student' }, { round: 2 }, { of: '1'.repeat(16) }]) {
    expect(withRelease(once, release(other)).releases).toHaveLength(2);
  }
});

test('releases of several campaigns compose', () => {
  const releases = [
    release(),
    release({ campaign: 'other' }),
    release({ noise: 3, rate: 0.1, count: 20, unit: 'case' }),
  ];

  const expected = epsilonOf(
    [
      { noise: 2, rate: 1, count: 2 },
      { noise: 3, rate: 0.1, count: 20 },
    ],
    1e-5,
  );
  expect(epsilonOfReleases(releases, 1e-5)).toBe(expected);
  expect(epsilonOfReleases([], 1e-5)).toBe(0);
  expect(isWithin({ epsilon: expected, delta: 1e-5 }, releases)).toBe(true);
  expect(isWithin({ epsilon: expected * 0.999, delta: 1e-5 }, releases)).toBe(false);
});

test('a round is asked anew if it is of the same plan, stage and round, and begins with another model', () => {
  const [plan, base] = ['1'.repeat(16), '2'.repeat(16)];
  const ledger = withRelease(LEDGER, release({ plan, base }));

  expect(isAskedAnew(ledger, release({ plan, base: '3'.repeat(16) }))).toBe(true);
  for (const other of [
    { plan, base },
    { plan: '4'.repeat(16), base: '3'.repeat(16) },
    { plan, base: '3'.repeat(16), round: 2 },
    { plan, base: '3'.repeat(16), stage: 'student' },
    { plan, base: '3'.repeat(16), campaign: 'other' },
  ])
    expect(isAskedAnew(ledger, release(other))).toBe(false);
  // What an earlier release recorded says nothing of plans.
  expect(isAskedAnew(withRelease(LEDGER, release()), release({ base }))).toBe(false);
});
