import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { microaggregated, withinLimits } from './consent-limits.ts';

const RESULT = {
  samples: 6,
  figures: { loss: 1 },
  cases: {},
  validation: { loss: 2, cases: 2 },
  scores: [
    {
      model: 'a',
      task: 'calcification',
      dice: [0.1, 0.2, 0.6, 0.7, 0.9, null],
      falseVolumes: [3],
      volumes: { truth: [1, 2, 3, 4, 5, 6], prediction: [1, 2, 3, 4, 5, 7] },
      volumeErrors: [-1, 0, 0, 0, 0, 2],
      volumeErrorByTruth: 9,
      calibration: Array.from({ length: 10 }, (_, bin) => ({ count: bin === 0 ? 1 : 0, confidence: 0, correct: 0 })),
    },
  ],
  comparisons: [{ first: 'a', second: 'b', task: 'calcification', dice: [0.1, 0.3, null, null, null, null] }],
};
const limits = { scores: 'aggregates', figures: true, minimumCases: 3 } as const;

describe('the limits of a consent', () => {
  test('let everything leave if values of single cases may', () => {
    expect(withinLimits(RESULT, { ...limits, scores: 'cases', minimumCases: 1 })).toEqual(RESULT);
  });

  test('withhold figures of fewer cases than the minimum, and all of them if none may leave', () => {
    expect(withinLimits(RESULT, limits)).toMatchObject({ figures: { loss: 1 } });
    expect(withinLimits(RESULT, limits)).not.toHaveProperty('validation');
    expect(withinLimits(RESULT, { ...limits, minimumCases: 7 }).figures).toEqual({});
    expect(withinLimits(RESULT, { ...limits, figures: false })).toMatchObject({ figures: {}, samples: 6 });
  });

  test('withhold all scores if none may leave', () => {
    expect(withinLimits(RESULT, { ...limits, scores: 'none' })).toMatchObject({ scores: [], comparisons: [] });
  });

  test('replace values of single cases by means of neighbours, and withhold lists that are too short', () => {
    const { scores, comparisons } = withinLimits(RESULT, limits);

    expect(scores).toEqual([
      {
        model: 'a',
        task: 'calcification',
        dice: [0.5, 0.5, 0.5, 0.5, 0.5, null],
        volumes: {
          truth: [2, 2, 2, 5, 5, 5],
          prediction: [2, 2, 2, expect.closeTo(16 / 3), expect.closeTo(16 / 3), expect.closeTo(16 / 3)],
        },
        volumeErrors: [
          expect.closeTo(-1 / 3),
          expect.closeTo(-1 / 3),
          expect.closeTo(-1 / 3),
          expect.closeTo(2 / 3),
          expect.closeTo(2 / 3),
          expect.closeTo(2 / 3),
        ],
        volumeErrorByTruth: 9,
      },
    ]);
    expect(comparisons).toEqual([{ first: 'a', second: 'b', task: 'calcification' }]);
  });

  test('withhold a list of few cases also if none of them has a value, which tells that of each', () => {
    const lists = { errors: { short: [null, null], long: [null, null, null] }, dice: [null], hausdorff95: [] };
    const scores = [{ model: 'a', task: 'hinge-points', ...lists }];
    const comparisons = [{ first: 'a', second: 'b', task: 'hinge-points', error: [null, null] }];

    const left = withinLimits({ ...RESULT, scores, comparisons }, limits);

    // A point that a model misses in every case counts as missing, like one that it misses in some.
    const errors = { long: [null, null, null] };
    expect(left.scores).toEqual([{ model: 'a', task: 'hinge-points', errors, hausdorff95: [] }]);
    expect(left.comparisons).toEqual([{ first: 'a', second: 'b', task: 'hinge-points' }]);
  });

  test('withhold the calibration of few cases, however many voxels they have', () => {
    const calibration = Array.from({ length: 10 }, () => ({ count: 1000, confidence: 900, correct: 900 }));
    const scoreOf = (dice: number[]) => [{ model: 'a', task: 'calcification', dice, calibration, withoutAnnulus: 1 }];

    const few = withinLimits({ ...RESULT, scores: scoreOf([0.5, 0.6]) }, limits);
    const enough = withinLimits({ ...RESULT, scores: scoreOf([0.5, 0.6, 0.7]) }, limits);

    expect(few.scores).toEqual([{ model: 'a', task: 'calcification' }]);
    expect(enough.scores?.[0]).toMatchObject({ calibration, withoutAnnulus: 1 });
  });

  test('every value that leaves stands for at least as many cases, and the mean stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.double({ min: -100, max: 100, noNaN: true })), { maxLength: 40 }),
        fc.integer({ min: 1, max: 8 }),
        (values, size) => {
          const known = values.filter((value) => value !== null);
          const left = microaggregated(values, size);

          if (left === undefined) {
            expect(known.length).toBeLessThan(size);
            return;
          }
          if (values.length > 0) expect(values.length).toBeGreaterThanOrEqual(size);
          const shown = left.filter((value) => value !== null);
          expect(left).toHaveLength(values.length);
          for (const value of shown)
            expect(shown.filter((other) => other === value).length).toBeGreaterThanOrEqual(size);
          const sum = (list: readonly number[]) => list.reduce((total, value) => total + value, 0);
          expect(sum(shown)).toBeCloseTo(sum(known), 6);
        },
      ),
    );
  });
});
