import { expect, test } from 'vitest';
import { siteRounds } from './campaign/cells.ts';
import { siteText, statusText } from './status.ts';
import { verdict } from './verify.ts';

const NOW = { now: new Date('2026-01-01T02:00:00.000Z'), rejected: [] };

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
  mergedLate: [],
  clipped: [],
  limited: [],
  figures: {},
} as const;

test('shows stages, rounds, the sites that are waited for, failures and late updates', () => {
  const text = statusText(
    {
      campaign: 'tavi',
      phase: 'running',
      reason: undefined,
      plannedAt: '2026-01-01T00:00:00.000Z',
      endedAt: undefined,
      warnings: [],
      suspected: [],
      consents: [],
      withdrawn: [],
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
              failed: [{ site: 'berlin', reason: 'disk full', refused: false }],
            },
            { ...round, round: 2, phase: 'open', waitingFor: ['munich'] },
          ],
        },
      ],
    },
    { now: new Date('2026-01-01T02:00:00.000Z'), rejected: [['munich', 2]] },
  );

  expect(text.split('\n')).toEqual([
    'tavi: running',
    'planned 2026-01-01 00:00:00, for 2 h',
    '',
    'stage    phase    rounds   loss                began  ended, or deadline  waiting for',
    '───────  ───────  ──────  ─────  ───────────────────  ──────────────────  ───────────',
    'student  running     1/3  0.500  2026-01-01 00:00:00  in 22 h             munich',
    '',
    'student round 1: berlin failed: disk full',
    'student round 1: munich missed: it had not answered when the round closed',
    '',
    "cases with rejected files: munich 2 (the reasons are in rejected/ of each site's bucket)",
  ]);
});

test('shows warnings, and which updates counted less', () => {
  const clipped = {
    ...round,
    round: 1,
    phase: 'committed',
    updated: ['berlin', 'munich'],
    clipped: [{ site: 'munich', norm: 3e38, factor: 1e-38 }],
    limited: [{ site: 'munich', samples: 9000, counted: 21 }],
  };
  const status = {
    campaign: 'tavi',
    phase: 'running',
    warnings: ['student: with two sites, no strategy can tell which one is malicious.'],
    suspected: [{ site: 'berlin', pairs: 2 }],
    consents: [],
    withdrawn: [
      { stage: 'student', round: 1, cases: 2 },
      { stage: 'student', round: 2, cases: 2 },
    ],
    stages: [{ name: 'student', kind: 'student', phase: 'running', total: 3, rounds: [clipped] }],
  } as unknown as Parameters<typeof statusText>[0];

  expect(statusText(status, NOW).split('\n').slice(-6)).toEqual([
    'warning: student: with two sites, no strategy can tell which one is malicious.',
    "warning: berlin: 2 pairs of a training CT and a held-out CT may be parts of one scan, so that scores may be too good; intake's log there names the cases.",
    '',
    'student rounds 1–2: 2 cases withdrawn since',
    '',
    'student round 1: munich clipped: scaled by 1.00e-38 (norm 3.00e+38), counted as 21.0 cases instead of 9000 (shareFactor)',
  ]);
  expect(siteRounds(status, 'munich')).toEqual([
    {
      stage: 'student',
      round: 1,
      became: 'clipped',
      reason: 'scaled by 1.00e-38 (norm 3.00e+38), counted as 21.0 cases instead of 9000 (shareFactor)',
    },
  ]);
});

test('says whose summary cannot be read, as long as rounds may open', () => {
  const status = {
    campaign: 'tavi',
    phase: 'running',
    warnings: [],
    suspected: [],
    consents: [],
    withdrawn: [],
    stages: [],
  } as unknown as Parameters<typeof statusText>[0];
  const around = { ...NOW, unreadable: [{ site: 'berlin', reason: 'Cannot read s3://b/k: Access\u001b Denied.' }] };

  expect(statusText(status, around)).toContain(
    'warning: berlin takes part in no new round, because its summary cannot be used: Cannot read s3://b/k: Access',
  );
  expect(statusText(status, around)).not.toContain('\u001b');
  expect(statusText({ ...status, endedAt: '2026-01-01T01:00:00.000Z' }, around)).not.toContain('berlin');
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
    consents: [],
    withdrawn: [],
    stages: [],
  };
  expect(statusText(ended as Parameters<typeof statusText>[0], NOW)).toBe('c: failed: No site.');
});

test('shows what happened to the updates of one site, and why', () => {
  const rounds = [
    { ...round, round: 1, phase: 'committed', updated: ['berlin', 'munich'] },
    {
      ...round,
      round: 2,
      phase: 'committed',
      updated: ['munich'],
      failed: [{ site: 'berlin', reason: 'NaN', refused: true }],
    },
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
    consents: [],
    withdrawn: [],
    stages: [{ name: 'student', kind: 'student', phase: 'running', total: 9, rounds }],
  } as const;

  expect(siteRounds(status, 'berlin').map(({ round, became, reason }) => [round, became, reason])).toEqual([
    [1, 'merged', undefined],
    [2, 'refused', 'NaN'],
    [3, 'late', 'it arrived at noon'],
    [4, 'missed', 'it had not answered when the round closed'],
    [5, 'answered', undefined],
    [6, 'waited for', 'until 2026-01-02T00:00:00.000Z'],
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
    consents: [],
    withdrawn: [],
    stages: [
      {
        name: 'student',
        kind: 'student',
        phase: 'running',
        total: 1,
        rounds: [{ ...round, round: 1, phase: 'open', failed: [{ site: 'berlin', reason: hostile, refused: false }] }],
      },
    ],
  } as const;

  for (const text of [
    statusText(status, NOW),
    siteText(status, 'berlin', siteRounds(status, 'berlin')),
    verdict('tavi', { status: 'running', faults: [], rounds: [] }, [hostile]),
  ]) {
    expect(text).toContain('\\u{1b}[2J');
    expect(text).not.toMatch(/[^\n\P{Cc}]|\p{Cf}/u);
    expect(text.split('\n').filter((line) => line.startsWith('berlin'))).toEqual([]);
  }
});
