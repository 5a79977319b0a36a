import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Score } from '../federation/schemas.ts';
import { landmarkMetrics, metricsOf, pooledLandmarks, segmentationMetrics } from './metrics.ts';
import { quantile } from './quantile.ts';

describe('landmarkMetrics', () => {
  test('counts missing points separately and never as within 6 mm', () => {
    expect(landmarkMetrics([1, 3, null, 12, 6])).toEqual({
      kind: 'landmarks',
      n: 5,
      missing: 1,
      median: 4.5,
      p90: expect.closeTo(10.2, 9),
      within6mm: 0.6,
    });
  });

  test('keeps errors of 10 mm and more, which the published evaluation drops', () => {
    expect(landmarkMetrics([2, 50, 60]).median).toBe(50);
  });

  test('is null if nothing was found', () => {
    expect(landmarkMetrics([null, null])).toEqual({
      kind: 'landmarks',
      n: 2,
      missing: 2,
      median: null,
      p90: null,
      within6mm: 0,
    });
    expect(landmarkMetrics([]).within6mm).toBeNull();
  });

  test('does not improve when a point goes missing', () => {
    const errors = fc.array(fc.option(fc.double({ min: 0, max: 80, noNaN: true }), { nil: null }), { minLength: 1 });
    fc.assert(
      fc.property(errors, fc.nat(), (values, pick) => {
        const worse = values.map((value, index) => (index === pick % values.length ? null : value));
        expect(landmarkMetrics(worse).within6mm).toBeLessThanOrEqual(landmarkMetrics(values).within6mm as number);
      }),
    );
  });
});

describe('segmentationMetrics', () => {
  test('leaves out and counts cases with both masks empty, and counts those with one mask empty', () => {
    const more = {
      hausdorff95: [2, 5, null, null],
      volumes: { truth: [0, 10, 20, 90], prediction: [0, 0, 40, 60] },
      volumeErrors: [20],
    };
    expect(segmentationMetrics([0.5, null, 0.7, 0], more)).toEqual({
      kind: 'segmentation',
      n: 3,
      bothEmpty: 1,
      dice: 0.5,
      p10: 0.1,
      meanDice: expect.closeTo(0.4, 9),
      hausdorff95: 3.5,
      oneEmpty: 1,
      volume: { truth: 15, prediction: 20 },
      volumeBias: 20,
      volumeRatio: expect.closeTo(100 / 120, 9),
    });
  });
});

describe('metricsOf', () => {
  const scores: readonly Score[] = [
    { model: 'student', task: 'hinge-points', errors: { '1': [1, null], '2': [2, 3] } },
    { model: 'student', task: 'hinge-points', errors: { '1': [20], '2': [4] } },
    { model: 'student', task: 'membranous-septum', errors: { '1': [5], '2': [null] } },
    { model: 'student', task: 'calcification', dice: [0.4], hausdorff95: [7], volumeErrors: [-20] },
  ];

  test('pools points over sites, one metric per task', () => {
    const metrics = metricsOf(scores);
    expect(metrics['hinge-points']).toMatchObject({ n: 6, missing: 1, median: 3 });
    expect(metrics.calcification).toMatchObject({ n: 1, dice: 0.4, hausdorff95: 7, oneEmpty: 0, volumeBias: -20 });
    expect(metrics.calcification).not.toHaveProperty('volume');
    expect(metrics['coronary-arteries']).toBeUndefined();
  });

  test('has metrics per point, which show a point that is always missing', () => {
    const [first, second] = ['1', '2'].map((name) => {
      const metrics = metricsOf(scores)['membranous-septum'];
      return metrics?.kind === 'landmarks' ? metrics.byPoint?.[name] : undefined;
    });
    expect(first).toEqual({ n: 1, missing: 0, median: 5, p90: 5, within6mm: 1 });
    expect(second).toEqual({ n: 1, missing: 1, median: null, p90: null, within6mm: 0 });
  });

  test('pools the landmark tasks into one figure', () => {
    expect(pooledLandmarks(scores)).toMatchObject({ n: 8, missing: 2, within6mm: 5 / 8 });
    expect(pooledLandmarks([])).toBeUndefined();
  });
});

describe('quantile', () => {
  test("equals numpy's default on values computed by hand", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6, 12);
    expect(quantile([7], 0.9)).toBe(7);
    expect(quantile([], 0.5)).toBeNull();
  });

  test('sorts numbers by value', () => {
    expect(quantile([10, 9, 1], 0.5)).toBe(9);
  });
});
