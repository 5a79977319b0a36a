import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import type { Landmark, Vec3 } from '../imaging/volume.ts';
import type { Target } from './cases.ts';
import { type Comparison, scoreOf } from './evaluate.ts';
import { cube } from './toy-cases.ts';

const grid = cube(4, 2);
const maskOf = (...ones: readonly number[]) => ({
  ...grid,
  data: Uint8Array.from({ length: 64 }, (_, i) => (ones.includes(i) ? 1 : 0)),
});
const landmarks = (points: readonly (Vec3 | null)[]): readonly Landmark[] =>
  points.map((position, index) => ({ label: index + 1, position }));
const compare = (truth: readonly (Vec3 | null)[], found: readonly (Vec3 | null)[]): Comparison => ({
  truth: { kind: 'points', points: landmarks(truth) },
  prediction: { classMap: maskOf(), landmarks: landmarks(found), confidence: 1 },
});
const TASK = 'membranous-septum';

describe('landmarks are scored', () => {
  test('point by point, a missing one as null and not as a distance', () => {
    const comparisons = [
      compare(
        [
          [0, 0, 0],
          [5, 0, 0],
        ],
        [[3, 4, 0], null],
      ),
      compare(
        [
          [1, 1, 1],
          [9, 9, 9],
        ],
        [null, [9, 9, 8]],
      ),
    ];
    expect(scoreOf('student', TASK, comparisons)).toEqual({
      model: 'student',
      task: TASK,
      errors: { 'septum-start': [5, null], 'septum-end': [1, null] },
    });
  });

  test('with no error too large to count, and none matched to the point that it would fit better', () => {
    const swapped = compare(
      [
        [0, 0, 0],
        [1000, 0, 0],
      ],
      [
        [1000, 0, 0],
        [0, 0, 0],
      ],
    );
    expect(scoreOf('m', TASK, [swapped]).errors).toEqual({ 'septum-start': [1000], 'septum-end': [1000] });
  });

  test('only where the truth has a point: what nobody annotated is neither found nor missing', () => {
    const score = scoreOf('m', TASK, [
      compare(
        [null, [0, 0, 0]],
        [
          [1, 1, 1],
          [0, 0, 2],
        ],
      ),
    ]);
    expect(score.errors).toEqual({ 'septum-start': [], 'septum-end': [2] });
  });

  test('so that every annotated point of every case counts once', () => {
    const point = fc.option(fc.tuple(fc.integer(), fc.integer(), fc.integer()), { nil: null });
    const points = fc.array(point, { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.tuple(points, points), { maxLength: 6 }), (pairs) => {
        const { errors } = scoreOf(
          'm',
          'hinge-points',
          pairs.map(([truth, found]) => compare(truth, found)),
        );
        TASKS['hinge-points'].classes.forEach((name, i) => {
          const annotated = pairs.filter(([truth]) => truth[i] !== null);
          expect(errors?.[name]).toHaveLength(annotated.length);
          const missing = errors?.[name]?.filter((error) => error === null);
          expect(missing).toHaveLength(annotated.filter(([, found]) => found[i] === null).length);
        });
      }),
    );
  });
});

describe('segmentations are scored', () => {
  const pair = (truth: readonly number[], found: readonly number[]): Comparison => ({
    truth: { kind: 'mask', mask: maskOf(...truth) } satisfies Target,
    prediction: { classMap: maskOf(...found), confidence: 1 },
  });

  test('by Dice, 0 where one of both is empty and null where both are', () => {
    const comparisons = [pair([1, 2, 3], [2, 3, 4]), pair([1], []), pair([], [1]), pair([], [])];
    const score = scoreOf('m', 'coronary-arteries', comparisons);
    expect(score).toMatchObject({ model: 'm', task: 'coronary-arteries', dice: [0, 0, 2 / 3, null] });
    expect(score).not.toHaveProperty('volumes');
  });

  test('by the 95 % Hausdorff distance in mm, which there is none of where truth or prediction is empty', () => {
    const comparisons = [pair([1], []), pair([], [1]), pair([], []), pair([0], [2]), pair([0, 1], [0, 1])];
    expect(scoreOf('m', 'coronary-arteries', comparisons).hausdorff95).toEqual([0, 4, null, null, null]);
  });

  test('calcium by its volume too, predicted minus true, in mm³', () => {
    expect(scoreOf('m', 'calcification', [pair([1, 2, 3], [2]), pair([], [5])])).toMatchObject({
      volumes: { truth: [0, 24], prediction: [8, 8] },
      volumeErrors: [-16, 8],
    });
  });
});
