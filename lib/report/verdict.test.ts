import { describe, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../federation/tasks.ts';
import { landmarkMetrics, type MetricsByTask, segmentationMetrics } from '../scoring/metrics.ts';
import { verdict } from './verdict.ts';

const NOTHING = { teacher: {}, student: {}, studentLabelsOnly: {} };
const base = {
  status: 'completed',
  profile: 'full',
  tasks: DEFAULT_TASKS,
  metrics: NOTHING,
  landmarks: {},
  models: [],
  sites: [],
  stages: [],
  rejected: [],
} as const;
const pooled = (student: (number | null)[], control: (number | null)[]) => ({
  ...base,
  landmarks: { student: landmarkMetrics(student), studentLabelsOnly: landmarkMetrics(control) },
});
const calcium = (dice: number): MetricsByTask => ({ calcification: segmentationMetrics([dice]) });

describe('verdict', () => {
  test('says whether distillation helped', () => {
    expect(verdict(pooled([1, 1], [1, null]))).toMatch(/helped: .* rose from 50\s% on labels alone to 100\s%/);
    expect(verdict(pooled([1, null], [1, 1]))).toMatch(/did not help/);
    expect(verdict(pooled([1, null], [1, 9]))).toMatch(/no difference/);
  });

  test('claims no difference between shares that are shown alike', () => {
    const found = (count: number) => Array.from({ length: 400 }, (_, i) => (i < count ? 1 : null));

    for (const [student, control] of [
      [341, 340],
      [340, 341],
    ] as const)
      expect(verdict(pooled(found(student), found(control)))).toMatch(/no difference in this run: 85\s% .* either way/);
  });

  test('makes no claim without both students', () => {
    expect(verdict({ ...base, landmarks: { student: landmarkMetrics([1]) } })).toBe('No model has been evaluated.');
  });

  test('says so if the scores are not of held-out cases', () => {
    const student = { name: 'student', stage: 'student', metrics: {}, bySite: {} };
    const scored = (scoredOn: { readonly scoredOn?: 'validation' }) => ({ ...pooled([1], [1]), ...scoredOn });

    expect(verdict(scored({ scoredOn: 'validation' }))).toMatch(/^Scores are of validation cases\. Distillation/);
    expect(verdict(scored({}))).toMatch(/^Distillation/);
    expect(verdict({ ...base, models: [student], scoredOn: 'validation' })).not.toMatch(/held-out/);
  });

  test('says what became worse as well, against labels alone and against the teacher', () => {
    const metrics = { teacher: calcium(0.46), student: calcium(0.15), studentLabelsOnly: calcium(0.41) };

    const text = verdict({ ...pooled([1, 1], [1, null]), metrics });
    expect(text).toMatch(/^Distillation helped in part: /);
    expect(text).toContain(
      'Worse than labels alone: Calcification (Dice 0.15, not 0.41). Worse than its teacher: Calcification (Dice 0.15, not 0.46).',
    );
  });

  test('says that the student marks too much, which no Dice tells, and nothing of a volume that is nearly right', () => {
    const marking = (ratio: number): MetricsByTask => ({
      calcification: segmentationMetrics([0.5], { volumes: { truth: [100], prediction: [100 * ratio] } }),
    });
    const of = (student: number) =>
      verdict({
        ...pooled([1], [1]),
        metrics: { teacher: marking(1.05), student: marking(student), studentLabelsOnly: marking(0.6) },
      });

    expect(of(1.79)).toMatch(
      /Calcification: the student marks 1\.79 times the true volume \(labels alone 0\.60, its teacher 1\.05\)\.$/,
    );
    expect(of(0.5)).toMatch(/marks 0\.50 times/);
    expect(of(1.08)).not.toMatch(/times the true volume/);
  });

  test('says what became better, and nothing of a difference below the shown digits', () => {
    const metrics = { teacher: calcium(0.301), student: calcium(0.304), studentLabelsOnly: calcium(0.2) };

    expect(verdict({ ...pooled([1], [1]), metrics })).toMatch(
      /either way\. Better than labels alone: Calcification \(Dice 0\.30, not 0\.20\)\.$/,
    );
  });

  test('claims of a smoke test only that it ran', () => {
    const text = verdict({ ...pooled([null], [null]), profile: 'quick' });

    expect(text).toMatch(/^Every step ran/);
    expect(text).not.toMatch(/%|Distillation/);
  });

  test('names the reason of a failure, also of a smoke test', () => {
    expect(verdict({ ...base, profile: 'quick', status: 'failed', reason: 'No site has a label.' })).toBe(
      'The campaign failed: No site has a label.',
    );
  });
});
