import { describe, expect, test } from 'vitest';
import { limitsSchema } from '../../../lib/federation/schemas/consent.ts';
import { evaluate } from '../../../lib/federation/stages/evaluate.ts';
import { TASKS } from '../../../lib/federation/tasks.ts';
import { TEACHER_STAGE } from '../../../lib/federation/testing.ts';
import { contentsOf } from './contents.ts';

const stage = evaluate.schema.parse({
  kind: 'evaluate',
  name: 'evaluate',
  models: { a: 'a', b: 'b' },
  compare: [['a', 'b']],
});
const points = [TASKS['hinge-points']];
const calcium = [TASKS.calcification];
const limits = (fields: object) => limitsSchema.parse({ minimumCases: 10, ...fields });
const of = (contents: ReturnType<typeof contentsOf>) => contents.map(({ content }) => content);

describe('what leaves for a stage', () => {
  test('is what the limits allow', () => {
    const single = contentsOf(stage, calcium, limits({ scores: 'cases' }), 20);
    const means = contentsOf(stage, calcium, limits({ scores: 'aggregates' }), 20);
    const none = contentsOf(stage, calcium, limits({ scores: 'none', figures: false }), 20);

    expect(single).toContainEqual({ content: 'scores' });
    expect(means).toContainEqual({ content: 'scores', minimum: 10, isWithheld: false });
    expect(means).toContainEqual({ content: 'comparisons', minimum: 10, isWithheld: false });
    expect(of(none)).toEqual(['counts', 'machine', 'failure']);
  });

  test('says what is withheld from a site with fewer cases than the limits demand', () => {
    const contents = contentsOf(stage, calcium, limits({}), 2);

    expect(contents.filter(({ isWithheld }) => isWithheld).map(({ content }) => content)).toEqual([
      'figures',
      'scores',
      'volumes',
      'comparisons',
    ]);
  });

  test('has volumes for tasks that report them alone', () => {
    expect(of(contentsOf(stage, points, undefined, 2))).not.toContain('volumes');
    expect(of(contentsOf(stage, calcium, undefined, 2))).toContain('volumes');
    expect(of(contentsOf(TEACHER_STAGE, calcium, undefined, 2))).toEqual([
      'weights',
      'counts',
      'figures',
      'machine',
      'failure',
    ]);
  });

  test('means of at least one case are values of single cases', () => {
    expect(contentsOf(stage, points, limits({ minimumCases: 1 }), 2)).toContainEqual({ content: 'scores' });
  });
});
