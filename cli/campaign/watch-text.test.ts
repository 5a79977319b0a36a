import { describe, expect, test } from 'vitest';
import type { RoundStatus } from '../../lib/protocol/round-status.ts';
import type { CampaignStatus } from '../../lib/protocol/status.ts';
import { duration, fromNow } from './times.ts';
import { changesBetween, watchBlock } from './watch-text.ts';

const NOW = new Date('2026-01-01T02:00:00.000Z');

const round = (number: number, fields: Partial<RoundStatus>): RoundStatus => ({
  round: number,
  phase: 'open',
  openedAt: '2026-01-01T00:00:00.000Z',
  deadline: '2026-01-01T03:00:00.000Z',
  committedAt: undefined,
  participants: ['bonn', 'kiel'],
  quorum: 1,
  updated: [],
  waitingFor: [],
  failed: [],
  late: [],
  mergedLate: [],
  clipped: [],
  limited: [],
  figures: {},
  ...fields,
});

const statusOf = (...rounds: readonly RoundStatus[]): CampaignStatus => ({
  campaign: 'tavi',
  phase: 'running',
  reason: undefined,
  plannedAt: '2026-01-01T00:00:00.000Z',
  endedAt: undefined,
  suspected: [],
  consents: [],
  withdrawn: [],
  warnings: ['one\u001b[2J'],
  stages: [{ name: 'student', kind: 'student', phase: 'running', total: 5, rounds }],
});

const committed = round(1, {
  phase: 'committed',
  updated: ['kiel'],
  failed: [{ site: 'bonn', reason: 'disk full', refused: false }],
  figures: { loss: 0.5 },
});

describe('the live table', () => {
  test('has every site in every round, and what the open round waits for', () => {
    const open = round(2, { updated: ['bonn'], waitingFor: ['kiel'] });

    expect(watchBlock(statusOf(committed, open), NOW, 120)).toEqual([
      'tavi: running',
      'planned 2026-01-01 00:00:00, for 2 h',
      '',
      'student: running, 1 of 5 rounds, loss 0.500, round 2: 1 of 2 answered, closes from 1, deadline in 1 h',
      'site  round 1  round 2',
      '────  ───────  ──────────',
      'bonn  failed   answered',
      'kiel  merged   waited for',
    ]);
  });

  test('fits a narrow terminal: the last rounds, no line too long', () => {
    const rounds = [1, 2, 3, 4].map((number) => ({ ...committed, round: number }));

    const block = watchBlock(statusOf(...rounds, round(5, { waitingFor: ['bonn', 'kiel'] })), NOW, 40);

    expect(Math.max(...block.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(block).toContain('site  round 3  round 4  round 5');
  });
});

describe('the lines off a terminal', () => {
  test('tell each change once', () => {
    const first = statusOf(round(1, { waitingFor: ['bonn', 'kiel'] }));
    const second = statusOf(round(1, { waitingFor: ['kiel'], updated: ['bonn'] }));
    const third = statusOf({
      ...committed,
      updated: ['bonn'],
      failed: [{ site: 'kiel', reason: 'NaN\n', refused: true }],
    });

    expect(changesBetween(undefined, first)).toEqual([
      'tavi: running',
      'warning: one\\u{1b}[2J',
      'student round 1/5: opened for bonn, kiel; deadline 2026-01-01T03:00:00.000Z',
    ]);
    expect(changesBetween(first, second)).toEqual(['student round 1/5: bonn answered']);
    expect(changesBetween(second, second)).toEqual([]);
    expect(changesBetween(second, third)).toEqual([
      'student round 1/5: bonn merged',
      'student round 1/5: kiel refused: NaN ',
      'student round 1/5: merged 1 of 2 sites, loss 0.500',
    ]);
  });
});

test.each([
  [0, '0 s'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [90_061_000, '1 d 1 h'],
])('writes %d ms as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
  expect(fromNow(new Date(NOW.getTime() - ms - 1).toISOString(), NOW)).toBe(`${text} ago`);
});
