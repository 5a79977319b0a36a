import { expect, it } from 'vitest';
import { statusText } from './status.ts';

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
  figures: {},
} as const;

it('shows stages with their rounds, who is waited for, and what needs a look', () => {
  const text = statusText({
    campaign: 'tavi',
    phase: 'running',
    reason: undefined,
    plannedAt: '2026-01-01T00:00:00.000Z',
    endedAt: undefined,
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

it('says why a campaign failed', () => {
  const ended = {
    campaign: 'c',
    phase: 'failed',
    reason: 'No site.',
    plannedAt: undefined,
    endedAt: undefined,
    stages: [],
  };
  expect(statusText(ended as Parameters<typeof statusText>[0])).toBe('c: failed: No site.');
});
