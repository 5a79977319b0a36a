import { describe, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../tasks.ts';
import { taskSchema, tasksSchema } from './task.ts';

const PLANE = { id: 'plane', kind: 'landmarks', title: 'Plane', classes: ['right', 'left', 'non-coronary'] };
const HEART = { id: 'heart', kind: 'segmentation', title: 'Heart', classes: ['root', 'ventricle'] };
const distances = (between: readonly string[], mm: readonly number[] = [1, 2]) => ({
  ...PLANE,
  plausibleDistances: [{ between, mm }],
});

test('tasks of both kinds are accepted as they are', () => {
  const full = {
    ...distances(['right', 'left']),
    classTitles: ['right cusp', 'left cusp', 'third cusp'],
    radiusMm: 2.5,
  };

  expect(tasksSchema.parse([full, HEART, ...DEFAULT_TASKS])).toEqual([full, HEART, ...DEFAULT_TASKS]);
});

describe('a task is refused, with the path of the fault,', () => {
  test.each([
    ['with an id that every object has', { ...HEART, id: 'constructor' }, 'id', 'reserved'],
    ['with an id that cannot be part of a key', { ...HEART, id: 'left heart' }, 'id', 'a-z'],
    ['with an id of another alphabet', { ...HEART, id: 'größe' }, 'id', 'a-z'],
    ['with a class that every object has', { ...HEART, classes: ['toString'] }, 'classes.0', 'reserved'],
    ['with a class twice', { ...HEART, classes: ['root', 'Root'] }, 'classes', 'same name'],
    ['without classes', { ...HEART, classes: [] }, 'classes', ''],
    ['with more classes than a class map has values', { ...HEART, classes: Array(101).fill('x') }, 'classes', ''],
    ['with a title too few', { ...HEART, classTitles: ['root'] }, 'classTitles', 'expected 2 titles'],
    ['of an unknown kind', { ...HEART, kind: 'regression' }, 'kind', ''],
    ['with a distance to an unknown class', distances(['right', 'up']), 'plausibleDistances.0', '"up" is not a class'],
    ['with a distance of a class to itself', distances(['left', 'left']), 'plausibleDistances.0', 'two different'],
    [
      'with bounds in the wrong order',
      distances(['right', 'left'], [9, 2]),
      'plausibleDistances.0.mm',
      'lower one first',
    ],
    ['with distances of a segmentation', { ...distances(['a', 'b']), kind: 'segmentation' }, '', 'plausibleDistances'],
    ['with a volume of landmarks', { ...PLANE, reportsVolume: true }, '', 'reportsVolume'],
    ['with a sphere of no size', { ...PLANE, radiusMm: 0 }, 'radiusMm', ''],
  ])('%s', (_what, task, path, message) => {
    const { error } = taskSchema.safeParse(task);

    expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path);
    expect(error?.issues.map((issue) => issue.message).join(' ')).toContain(message);
  });

  test('in a list that has its id twice', () => {
    const { error } = tasksSchema.safeParse([HEART, PLANE, HEART]);

    expect(error?.issues).toMatchObject([{ path: [2, 'id'], message: expect.stringContaining('used twice') }]);
  });
});
