import fc from 'fast-check';
import { expect, test } from 'vitest';
import { agreementOf } from './agreement.ts';

type Pair = readonly [truth: number, prediction: number];
const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b);
/** What a site sends of its cases. */
const scoreOf = (pairs: readonly Pair[]) => ({
  volumes: { truth: ascending(pairs.map(([t]) => t)), prediction: ascending(pairs.map(([, p]) => p)) },
  volumeErrors: ascending(pairs.map(([t, p]) => p - t)),
  volumeErrorByTruth: pairs.reduce((sum, [t, p]) => sum + t * (p - t), 0),
});

test('gives bias, limits of agreement, total volume and the trend of the error with size', () => {
  const pairs: Pair[] = [
    [100, 110],
    [200, 220],
    [300, 330],
  ];

  expect(agreementOf([scoreOf(pairs)])).toEqual({
    cases: 3,
    bias: expect.closeTo(20, 9),
    low: expect.closeTo(20 - 19.6, 9),
    high: expect.closeTo(20 + 19.6, 9),
    slope: expect.closeTo(0.1, 9),
    ratio: expect.closeTo(1.1, 9),
  });
});

test('is the same however the cases are dealt out to sites', () => {
  const volume = fc.integer({ min: 0, max: 2000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(volume, volume), { minLength: 3, maxLength: 20 }), fc.nat(), (pairs, cut) => {
      const at = cut % pairs.length;
      const together = agreementOf([scoreOf(pairs)]);
      const apart = agreementOf([scoreOf(pairs.slice(0, at)), scoreOf(pairs.slice(at))]);

      for (const key of ['cases', 'bias', 'low', 'high'] as const)
        expect(apart?.[key]).toBeCloseTo(together?.[key] ?? 0, 6);
      expect(apart?.ratio ?? 0).toBeCloseTo(together?.ratio ?? 0, 6);
    }),
  );
});

test('has no trend for results of an earlier release, and nothing without volumes', () => {
  const { volumeErrorByTruth: _, ...earlier } = scoreOf([[100, 90]]);

  expect(agreementOf([earlier])).toMatchObject({ bias: -10, slope: null });
  expect(agreementOf([{}])).toBeNull();
  expect(agreementOf([])).toBeNull();
  expect(agreementOf([scoreOf([[0, 8]])])).toMatchObject({ bias: 8, ratio: null, slope: null });
});
