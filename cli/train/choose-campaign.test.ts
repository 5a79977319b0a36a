import { describe, expect, test } from 'vitest';
import type { CatalogEntry } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../../lib/federation/tasks.ts';
import { type ChoiceInput, chooseCampaign, spacingFor } from './choose-campaign.ts';

type Case = ChoiceInput['sites'][number][number];
const imageOf = (shape: [number, number, number], spacing: [number, number, number]) =>
  ({ shape, spacing }) as CatalogEntry['image'];
const CT = imageOf([512, 512, 400], [0.4, 0.4, 0.5]);
const caseOf = (use: Case['use'], ...tasks: readonly string[]): Case => ({
  use,
  image: CT,
  labels: Object.fromEntries(tasks.map((task) => [task, {} as CatalogEntry['labels'][string]])),
});
const choose = (sites: ChoiceInput['sites'], quick = false) =>
  chooseCampaign({ tasks: DEFAULT_TASKS, sites, seed: 7, quick });
const stageNames = (sites: ChoiceInput['sites']) => choose(sites)?.stages.map(({ name }) => name);

describe('chooseCampaign', () => {
  test('teaches, labels, distils, controls and evaluates if some case lacks a label', () => {
    const sites = [[caseOf('training', 'calcification'), caseOf('evaluation', 'calcification')], [caseOf('training')]];

    expect(stageNames(sites)).toEqual([
      'teacher/calcification',
      'pseudo-label',
      'student',
      'student-labels-only',
      'evaluate',
    ]);
    expect(choose(sites)).toMatchObject({ id: 'train-7', seed: 7 });
  });

  test('also labels cases that have labels of another task only', () => {
    const sites = [[caseOf('training', 'calcification'), caseOf('training', 'hinge-points')]];

    expect(stageNames(sites)).toEqual([
      'teacher/hinge-points',
      'teacher/calcification',
      'pseudo-label',
      'student',
      'student-labels-only',
    ]);
  });

  test('makes no pseudo-labels if every training case has all labels', () => {
    const sites = [[caseOf('training', 'calcification'), caseOf('evaluation', 'calcification', 'hinge-points')]];

    expect(stageNames(sites)).toEqual(['teacher/calcification', 'student', 'evaluate']);
  });

  test('does not evaluate if no held-out case has a label that is learnt', () => {
    const sites = [[caseOf('training', 'calcification'), caseOf('evaluation', 'hinge-points')]];

    expect(stageNames(sites)).not.toContain('evaluate');
  });

  test('is undefined without training labels', () => {
    expect(choose([[caseOf('training'), caseOf('evaluation', 'calcification')]])).toBeUndefined();
  });

  test('takes more steps at each of a few sites, and a few steps in all with quick', () => {
    const site = [caseOf('training', 'calcification')];
    const steps = (sites: number, quick = false) => {
      const [teacher] = choose(Array(sites).fill(site), quick)?.stages ?? [];
      return teacher && 'training' in teacher ? teacher.training.steps * sites : 0;
    };

    expect(steps(1)).toBe(steps(3));
    expect(steps(6)).toBe(2 * steps(3));
    expect(steps(2, true)).toBeLessThan(10);
  });
});

describe('spacingFor', () => {
  const { calcification } = TASKS;
  const hinge = TASKS['hinge-points'];

  test.each([
    ['3 mm for a CT that is larger than a patch', [calcification], CT, 3],
    ['a patch over the whole of a small CT', [calcification], imageOf([64, 64, 40], [1, 1, 1]), 2],
    ['no finer than the CT', [calcification], imageOf([32, 32, 12], [1, 1, 2.5]), 2.5],
    ['small landmarks in several voxels', [{ ...hinge, radiusMm: 2 }], CT, 1.5],
    ['landmarks of the usual radius 3 mm', [hinge], CT, 3],
  ] as const)('gives %s', (_, tasks, image, expected) => {
    expect(spacingFor(tasks, [{ image }])).toBe(expected);
  });
});
