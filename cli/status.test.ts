import { expect, test } from 'vitest';
import { siteRounds, siteText, statusText } from './status.ts';
import { verdict } from './verify.ts';

const round = {
  openedAt: '2026-01-01T00:00:00.000Z',
  deadline: '2026-01-02T00:00:00.000Z',
  committedAt: undefined,
  participants: ['berlin', 'munich'],
  quorum: 2,
  updated: [],
  waitingFor: [],
  failed: [],
  late: [],
  clipped: [],
  limited: [],
  figures: {},
} as const;

test('shows stages, rounds, the sites that are waited for, failures and late updates', () => {
  const text = statusText({
    campaign: 'tavi',
    phase: 'running',
    reason: undefined,
    plannedAt: '2026-01-01T00:00:00.000Z',
    endedAt: undefined,
    warnings: [],
    suspected: [],
    stages: [
      {
        name: 'student',
        kind: 'student',
        phase: 'running',
        total: 3,
        rounds: [
          {
            ...round,
            round: 1,
            phase: 'committed',
            figures: { loss: 0.5 },
            failed: [{ site: 'berlin', reason: 'disk full' }],
          },
          { ...round, round: 2, phase: 'open', waitingFor: ['munich'] },
        ],
      },
    ],
  });
  expect(text.split('\n')).toEqual([
    'tavi: running',
    '',
    'stage    phase    rounds   loss  waiting for',
    '───────  ───────  ──────  ─────  ───────────',
    'student  running     1/3  0.500  munich',
    '',
    'student round 1: berlin failed: disk full',
  ]);
});

test('shows warnings, and which updates counted less', () => {
  const reduced = {
    ...round,
    round: 1,
    phase: 'committed',
    clipped: [{ site: 'munich', norm: 3e38, factor: 1e-38 }],
    limited: [{ site: 'munich', samples: 9000, counted: 21 }],
  };
  const status = {
    campaign: 'tavi',
    phase: 'running',
    warnings: ['student: with two sites, no strategy can tell which one is malicious.'],
    suspected: [{ site: 'berlin', pairs: 2 }],
    stages: [{ name: 'student', kind: 'student', phase: 'running', total: 3, rounds: [reduced] }],
  } as unknown as Parameters<typeof statusText>[0];

  expect(statusText(status).split('\n').slice(-5)).toEqual([
    'warning: student: with two sites, no strategy can tell which one is malicious.',
    "warning: berlin: 2 pairs of a training CT and a held-out CT may be parts of one scan, so that scores may be too good; intake's log there names the cases.",
    '',
    'student round 1: the update of munich was scaled by 1.00e-38 (norm 3.00e+38)',
    'student round 1: the update of munich counted as 21.0 cases instead of 9000 (shareFactor)',
  ]);
  expect(siteRounds(status, 'munich')).toEqual([
    {
      stage: 'student',
      round: 1,
      became: 'merged',
      reason: 'scaled by 1.00e-38 (norm 3.00e+38), counted as 21.0 cases instead of 9000 (shareFactor)',
    },
  ]);
});

test('shows why a campaign failed', () => {
  const ended = {
    campaign: 'c',
    phase: 'failed',
    reason: 'No site.',
    plannedAt: undefined,
    endedAt: undefined,
    warnings: [],
    suspected: [],
    stages: [],
  };
  expect(statusText(ended as Parameters<typeof statusText>[0])).toBe('c: failed: No site.');
});

test('shows what happened to the updates of one site, and why', () => {
  const rounds = [
    { ...round, round: 1, phase: 'committed', updated: ['berlin', 'munich'] },
    { ...round, round: 2, phase: 'committed', updated: ['munich'], failed: [{ site: 'berlin', reason: 'NaN' }] },
    { ...round, round: 3, phase: 'sealed', updated: ['munich'], late: [{ site: 'berlin', key: 'k', at: 'noon' }] },
    { ...round, round: 4, phase: 'committed', updated: ['munich'] },
    { ...round, round: 5, phase: 'open', updated: ['berlin'] },
    { ...round, round: 6, phase: 'open', waitingFor: ['berlin'] },
    { ...round, round: 7, phase: 'open', participants: ['munich'] },
  ] as const;
  const status = {
    campaign: 'tavi',
    phase: 'running',
    reason: undefined,
    plannedAt: undefined,
    endedAt: undefined,
    warnings: [],
    suspected: [],
    stages: [{ name: 'student', kind: 'student', phase: 'running', total: 9, rounds }],
  } as const;

  expect(siteRounds(status, 'berlin').map(({ round, became, reason }) => [round, became, reason])).toEqual([
    [1, 'merged', undefined],
    [2, 'failed or refused', 'NaN'],
    [3, 'late', 'it arrived at noon'],
    [4, 'missed', undefined],
    [5, 'received', undefined],
    [6, 'waited for', undefined],
  ]);
});

test('shows escape sequences and line breaks in reasons, instead of obeying them', () => {
  const hostile = '\u001b[2J\u001b]0;owned\u0007\rmerged\n\u202eberlin: merged';
  const status = {
    campaign: 'tavi',
    phase: 'failed',
    reason: hostile,
    plannedAt: undefined,
    endedAt: undefined,
    warnings: [],
    suspected: [],
    stages: [
      {
        name: 'student',
        kind: 'student',
        phase: 'running',
        total: 1,
        rounds: [{ ...round, round: 1, phase: 'open', failed: [{ site: 'berlin', reason: hostile }] }],
      },
    ],
  } as const;

  for (const text of [
    statusText(status),
    siteText(status, 'berlin', siteRounds(status, 'berlin')),
    verdict('tavi', { faults: [], rounds: [] }, [hostile]),
  ]) {
    expect(text).toContain('\\u{1b}[2J');
    expect(text).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
    expect(text.split('\n').filter((line) => line.startsWith('berlin'))).toEqual([]);
  }
});
