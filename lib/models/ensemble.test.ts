import { expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { sha256Hex } from '../json.ts';
import { ensembleHash, sharedTasks } from './ensemble.ts';

const POINTS = TASKS['hinge-points'];
const CALCIUM = TASKS.calcification;

test('models of the same tasks share them, in any order and by any title', () => {
  const titled = { ...CALCIUM, title: 'Kalk' };

  expect(
    sharedTasks([
      { name: 'a', tasks: [POINTS, CALCIUM] },
      { name: 'b', tasks: [titled, POINTS] },
    ]),
  ).toEqual([POINTS, CALCIUM]);
});

test.each([
  ['fewer tasks', [POINTS], 'calcification'],
  ['more tasks', [POINTS, CALCIUM, TASKS['membranous-septum']], 'membranous-septum'],
  ['classes in another order', [{ ...POINTS, classes: [...POINTS.classes].reverse() }, CALCIUM], 'hinge-points'],
])('models with %s are refused by the names of models and tasks', (_, tasks, named) => {
  expect(() =>
    sharedTasks([
      { name: 'a.safetensors', tasks: [POINTS, CALCIUM] },
      { name: 'b.safetensors', tasks },
    ]),
  ).toThrow(
    expect.objectContaining({
      code: 'BAD_CONFIGURATION',
      message: `a.safetensors and b.safetensors have not learnt the same tasks, or not with the same classes: ${named}.`,
    }),
  );
});

test('the hash of an ensemble is that of its hashes in any order; of one model, its own', () => {
  const [a, b] = [{ sha256: 'aa' }, { sha256: 'bb' }];

  expect(ensembleHash([a])).toBe('aa');
  expect(ensembleHash([b, a])).toBe(sha256Hex('aa\nbb'));
  expect(ensembleHash([a, b])).toBe(ensembleHash([b, a]));
});
