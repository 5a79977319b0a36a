import { describe, expect, test } from 'vitest';
import { campaignOf } from '../demo/demo-campaign.ts';
import { scenarioOf } from '../demo/scenario.ts';
import type { RunEvent } from './events.ts';
import { advance, type Progress, secondsLeft, startOf, workDone } from './progress.ts';
import { eventLine, progressBlock } from './progress-text.ts';
import { workloadOf } from './workload.ts';

const scenario = scenarioOf({ profile: 'full', seed: 1 });
const campaign = campaignOf(scenario);
const workload = workloadOf(campaign, scenario.sites);
const task = { stage: 'teacher/hinge-points', round: 1, site: 'munich' } as const;

const progressAfter = (...events: readonly RunEvent[]): Progress =>
  events.reduce((progress, event) => advance(progress, event, workload), startOf(scenario.sites));

describe('workload', () => {
  test('excludes sites that do not participate in a stage', () => {
    expect(workload.of({ stage: 'teacher/hinge-points', site: 'berlin' })).toBe(0);
    expect(workload.of({ stage: 'student-labels-only', site: 'berlin' })).toBe(0);
    expect(workload.of({ stage: 'student', site: 'berlin' })).toBeGreaterThan(0);
  });

  test('is the sum of all GPU tasks of the campaign', () => {
    const every: RunEvent[] = campaign.stages.flatMap(({ name }) =>
      Array.from({ length: workload.rounds.get(name) ?? 0 }, (_, index) =>
        scenario.sites.map(({ id }): RunEvent => ({ type: 'task-done', stage: name, round: index + 1, site: id })),
      ).flat(),
    );
    expect(workDone(progressAfter(...every), workload)).toBeCloseTo(workload.total, 9);
  });
});

describe('advance', () => {
  test('counts a GPU task by its steps while it runs, and once when it is done', () => {
    const half = progressAfter(
      { type: 'task-started', ...task },
      { type: 'task-step', ...task, step: 30, steps: 60, loss: 0.5 },
    );
    expect(workDone(half, workload)).toBeCloseTo(workload.of(task) / 2, 9);
    const twice = [half, { type: 'task-done', ...task } as const, { type: 'task-done', ...task } as const];
    const done = (twice.slice(1) as RunEvent[]).reduce((state, event) => advance(state, event, workload), half);
    expect(workDone(done, workload)).toBe(workload.of(task));
    expect(done.running.size).toBe(0);
  });

  test('never returns to an earlier round', () => {
    const progress = progressAfter(
      { type: 'commit', stage: 'student', round: 2 },
      { type: 'commit', stage: 'student', round: 1 },
    );
    expect(progress.committed.get('student')).toBe(2);
  });
});

describe('secondsLeft', () => {
  test('is undefined at first, then extrapolates the pace of this session', () => {
    const start = progressAfter();
    expect(secondsLeft(start, workload, { work: 0, seconds: 60 })).toBeUndefined();
    const half = { ...start, done: workload.total / 2 };
    expect(secondsLeft(half, workload, { work: workload.total / 4, seconds: 100 })).toBeCloseTo(200, 9);
  });
});

describe('progressBlock', () => {
  const view = { elapsed: 95, left: 200, share: 0.33, width: 100 };

  test('has one line per site with stage, round, steps and loss', () => {
    const progress = progressAfter(
      { type: 'upload', site: 'berlin', caseId: 'p001' },
      { type: 'task-started', ...task },
      { type: 'task-step', ...task, step: 34, steps: 60, loss: 0.8123 },
    );
    const lines = progressBlock(progress, workload, view);
    expect(lines[0]).toContain('33 %  1:35 elapsed, about 3:20 left');
    expect(
      lines.filter((line) => /Heidelberg|Munich|Münster|Göttingen|Berlin|Frankfurt|Hamburg|Greifswald/.test(line)),
    ).toHaveLength(8);
    expect(lines.find((line) => line.includes('Munich'))).toBe(
      '  Munich      teacher/hinge-points round 1/3 34/60, loss 0.812'.replace(
        '1/3',
        `1/${workload.rounds.get('teacher/hinge-points')}`,
      ),
    );
    expect(lines.find((line) => line.includes('Berlin'))).toContain('uploading 1/8 CTs');
  });

  test('has no line wider than the terminal', () => {
    const lines = progressBlock(progressAfter({ type: 'task-started', ...task }), workload, { ...view, width: 40 });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });
});

describe('eventLine', () => {
  test('exists for changes of the campaign state only', () => {
    expect(eventLine({ type: 'task-done', ...task }, workload, 0.5)).toMatch(
      /^munich: teacher\/hinge-points round 1\/\d+ done, loss 0.500$/,
    );
    expect(eventLine({ type: 'commit', stage: 'student', round: 2 }, workload)).toMatch(
      /^student round 2\/\d+ committed$/,
    );
    expect(eventLine({ type: 'task-step', ...task, step: 1, steps: 2 }, workload)).toBeUndefined();
  });
});
