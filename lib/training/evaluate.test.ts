import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Score, scoreSchema } from '../federation/schemas.ts';
import { TASKS, type Task } from '../federation/tasks.ts';
import type { Landmark, Vec3 } from '../imaging/volume.ts';
import type { Prediction } from './decode-prediction.ts';
import { type CaseScore, compareScores, scoreCase, scoreOf, voxelCalibration } from './evaluate.ts';
import { cube } from './testing-cases.ts';

const grid = cube(4, 2);
const maskOf = (...ones: readonly number[]) => ({
  ...grid,
  data: Uint8Array.from({ length: 64 }, (_, i) => (ones.includes(i) ? 1 : 0)),
});
const landmarks = (points: readonly (Vec3 | null)[]): readonly Landmark[] =>
  points.map((position, index) => ({ label: index + 1, position }));
const TASK = TASKS['membranous-septum'];
const compare = (truth: readonly (Vec3 | null)[], found: readonly (Vec3 | null)[], task: Task = TASK): CaseScore => {
  const prediction: Prediction = { classMap: maskOf(), landmarks: landmarks(found), confidence: 1 };
  return scoreCase(task, { kind: 'points', points: landmarks(truth) }, prediction);
};

describe('landmarks are scored', () => {
  test('per point, with null instead of a distance for a missing point', () => {
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
      task: TASK.id,
      errors: { 'septum-start': [5, null], 'septum-end': [1, null] },
    });
  });

  test('with errors of any size, and each point against its own truth', () => {
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

  test('only if the truth has the point: a point without annotation is neither found nor missing', () => {
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
          TASKS['hinge-points'],
          pairs.map(([truth, found]) => compare(truth, found, TASKS['hinge-points'])),
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
  const pair = (truth: readonly number[], found: readonly number[]): CaseScore =>
    scoreCase(
      TASKS.calcification,
      { kind: 'mask', mask: maskOf(...truth) },
      { classMap: maskOf(...found), confidence: 1 },
    );

  test('by Dice, 0 if one mask is empty and null if both are', () => {
    const comparisons = [pair([1, 2, 3], [2, 3, 4]), pair([1], []), pair([], [1]), pair([], [])];
    const score = scoreOf('m', TASKS['coronary-arteries'], comparisons);
    expect(score).toMatchObject({ model: 'm', task: 'coronary-arteries', dice: [0, 0, 2 / 3, null] });
    expect(score).not.toHaveProperty('volumes');
  });

  test('by the 95 % Hausdorff distance in mm, null if truth or prediction is empty', () => {
    const comparisons = [pair([1], []), pair([], [1]), pair([], []), pair([0], [2]), pair([0, 1], [0, 1])];
    expect(scoreOf('m', TASKS['coronary-arteries'], comparisons).hausdorff95).toEqual([0, 4, null, null, null]);
  });

  test('of several classes by the mean over the classes that are there, and by their volume together', () => {
    const HEART: Task = {
      id: 'heart',
      kind: 'segmentation',
      title: 'Heart',
      classes: ['root', 'ventricle'],
      reportsVolume: true,
    };
    const map = (...values: readonly number[]) => ({
      ...grid,
      data: Uint8Array.from({ length: 64 }, (_, i) => values[i] ?? 0),
    });
    const score = (truth: readonly number[], found: readonly number[]) =>
      scoreOf('m', HEART, [
        scoreCase(HEART, { kind: 'mask', mask: map(...truth) }, { classMap: map(...found), confidence: 1 }),
      ]);

    // Class 1: 2·1 / (2 + 1), class 2: 2·2 / (2 + 3).
    expect(score([1, 1, 2, 2], [1, 2, 2, 2])).toMatchObject({
      dice: [(2 / 3 + 4 / 5) / 2],
      volumes: { truth: [32], prediction: [32] },
    });
    expect(score([1, 1, 2, 2], [2, 2, 1, 1]).dice).toEqual([0]);
    expect(score([1], [1]).dice).toEqual([1]);
    expect(score([1, 0, 2], [1]).dice).toEqual([0.5]);
  });

  test('calcium also by its volume, predicted minus true, in mm³', () => {
    expect(scoreOf('m', TASKS.calcification, [pair([1, 2, 3], [2]), pair([], [5])])).toMatchObject({
      volumes: { truth: [0, 24], prediction: [8, 8] },
      volumeErrors: [-16, 8],
      volumeErrorByTruth: 24 * -16,
    });
  });

  test('calcium that is not there is listed: predicted volumes of the cases whose truth is empty', () => {
    const cases = [pair([], [1, 2]), pair([], []), pair([1], [1, 2, 3])];

    expect(scoreOf('m', TASKS.calcification, cases).falseVolumes).toEqual([0, 16]);
    expect(scoreOf('m', TASKS['coronary-arteries'], cases)).not.toHaveProperty('falseVolumes');
  });
});

describe('confidence is counted', () => {
  const binAt = (score: Score, index: number) => score.calibration?.[index];

  test('for points that truth and prediction have, by whether they are within 6 mm', () => {
    const truth = landmarks([[0, 0, 0], null]);
    const found = [
      { label: 1, position: [0, 0, 3] as Vec3, certainty: 0.75 },
      { label: 2, position: [0, 0, 3] as Vec3, certainty: 0.75 },
    ];
    const far = [{ label: 1, position: [0, 0, 7] as Vec3, certainty: 0.71 }];
    const missing = [{ label: 1, position: null }];
    const scoreAll = [found, far, missing].map((points) =>
      scoreCase(TASK, { kind: 'points', points: truth }, { classMap: maskOf(), landmarks: points }),
    );

    const score = scoreOf('m', TASK, scoreAll);

    expect(binAt(score, 7)).toEqual({ count: 2, confidence: expect.closeTo(1.46, 9), correct: 1 });
    expect(score.calibration?.reduce((sum, { count }) => sum + count, 0)).toBe(2);
  });

  test('for voxels that are foreground in truth or prediction, by whether the class is right', () => {
    const counter = voxelCalibration(maskOf(0, 1, 17));
    for (let z = 0; z < 4; z += 1) {
      const plane = Uint8Array.from({ length: 16 }, (_, i) => (z === 0 && (i === 1 || i === 2) ? 1 : 0));
      counter.read(z, plane, new Float32Array(16).fill(z === 0 ? 0.65 : 0.95));
    }
    const score = scoreOf('m', TASKS.calcification, [
      scoreCase(
        TASKS.calcification,
        { kind: 'mask', mask: maskOf(0, 1, 17) },
        { classMap: maskOf(1, 2) },
        counter.bins,
      ),
    ]);

    // Voxel 1 is right, 0 and 17 are missed, 2 is false.
    expect(binAt(score, 6)).toEqual({ count: 3, confidence: expect.closeTo(1.95, 5), correct: 1 });
    expect(binAt(score, 9)).toEqual({ count: 1, confidence: expect.closeTo(0.95, 5), correct: 0 });
    expect(scoreSchema.parse(score)).toEqual(score);
  });
});

describe('two models are compared per case', () => {
  const near: Vec3 = [0, 0, 1];
  const far: Vec3 = [0, 0, 9];
  const origin: Vec3 = [0, 0, 0];

  test('by the share of points within 6 mm, and by the error of the points that both found', () => {
    const cases = [
      [compare([origin, origin], [near, near]), compare([origin, origin], [far, null])],
      [compare([origin, origin], [null, far]), compare([origin, origin], [near, far])],
    ] as const;
    expect(compareScores(['student', 'teacher'], TASK, cases)).toEqual({
      first: 'student',
      second: 'teacher',
      task: TASK.id,
      within6mm: [-0.5, 1],
      error: [-8, 0],
    });
  });

  test('with null if both found no common point, or none is annotated', () => {
    const cases = [
      [compare([origin, null], [near, null]), compare([origin, null], [null, null])],
      [compare([null, null], [near, near]), compare([null, null], [far, far])],
    ] as const;
    expect(compareScores(['a', 'b'], TASK, cases)).toMatchObject({ within6mm: [1, null], error: [null, null] });
  });

  test('by Dice, null if either has none', () => {
    const masks = (truth: readonly number[], found: readonly number[]) =>
      scoreCase(
        TASKS.calcification,
        { kind: 'mask', mask: maskOf(...truth) },
        { classMap: maskOf(...found), confidence: 1 },
      );
    const cases = [
      [masks([1, 2], [1]), masks([1, 2], [3])],
      [masks([], [1]), masks([], [])],
    ] as const;
    expect(compareScores(['a', 'b'], TASKS.calcification, cases)).toEqual({
      first: 'a',
      second: 'b',
      task: 'calcification',
      dice: [2 / 3, null],
    });
  });

  test('so that a model does not differ from itself, and swapping models negates the differences', () => {
    const point = fc.option(fc.tuple(fc.integer(), fc.integer(), fc.integer()), { nil: null });
    const points = fc.array(point, { minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(fc.array(fc.tuple(points, points, points), { maxLength: 6 }), (triples) => {
        const pairs = triples.map(([truth, a, b]) => [compare(truth, a), compare(truth, b)] as const);
        const there = compareScores(['a', 'b'], TASK, pairs);
        const back = compareScores(
          ['b', 'a'],
          TASK,
          pairs.map(([a, b]) => [b, a] as const),
        );
        const self = compareScores(
          ['a', 'a'],
          TASK,
          pairs.map(([a]) => [a, a] as const),
        );
        for (const of of ['within6mm', 'error'] as const) {
          const turned = back[of]?.map((value) => value && -value).filter((value) => value !== null);
          const values = there[of]?.filter((value) => value !== null);
          expect(turned?.toSorted((a, b) => a - b)).toEqual(values?.map((value) => value || expect.closeTo(0)));
          expect(self[of]?.every((value) => value === 0 || value === null)).toBe(true);
          expect(there[of]).toHaveLength(pairs.length);
        }
      }),
    );
  });
});
