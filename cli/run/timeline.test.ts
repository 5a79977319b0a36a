import { expect, test } from 'vitest';
import { timelineOf } from './timeline.ts';

const task = { stage: 'student', round: 2, site: 'berlin' } as const;

test('has a bar and an update for a GPU task, and a commit at the coordinator', () => {
  const events = [
    { at: 1, event: { type: 'upload', site: 'berlin', caseId: 'p001' } },
    { at: 3, event: { type: 'task-started', ...task } },
    { at: 9, event: { type: 'task-done', ...task } },
    { at: 9.2, event: { type: 'commit', stage: 'student', round: 2 } },
  ] as const;
  expect(timelineOf(events)).toMatchObject([
    { lane: 'berlin', kind: 'upload', start: 1 },
    { lane: 'berlin', kind: 'task', stage: 'student', start: 3, end: 9 },
    { lane: 'berlin', kind: 'update', start: 9 },
    { lane: 'coordinator', kind: 'commit', start: 9.2 },
  ]);
});

test('excludes an interrupted GPU task and shows its repetition', () => {
  const events = [
    { at: 3, event: { type: 'task-started', ...task } },
    { at: 20, event: { type: 'task-started', ...task } },
    { at: 26, event: { type: 'task-failed', reason: 'disk full', ...task } },
  ] as const;
  const label = 'student, round 2, failed: disk full';
  expect(timelineOf(events)).toEqual([
    { lane: 'berlin', kind: 'task', stage: 'student', start: 20, end: 26, label },
    { lane: 'berlin', kind: 'failure', stage: 'student', start: 26, label },
  ]);
});
