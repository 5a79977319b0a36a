import { expect, test } from 'vitest';
import type { Figures } from '../../api/results.ts';
import { MEASURES, named, rowOf, tally, type Verdict } from './measures.ts';

const landmarks = (figures: Partial<Extract<Figures, { kind: 'landmarks' }>>): Figures => ({
  ...{ kind: 'landmarks', n: 10, missing: 0, median: 2, p90: 4, within: 0.9 },
  ...figures,
});
const masks = (figures: Partial<Extract<Figures, { kind: 'segmentation' }>>): Figures => ({
  ...{ kind: 'segmentation', n: 10, bothEmpty: 0, oneEmpty: 0, dice: 0.8, p10: 0.5, hausdorff95: 3 },
  ...figures,
});
const measureOf = (id: string) => {
  const found = Object.values(MEASURES)
    .flat()
    .find((measure) => measure.id === id);
  if (!found) throw new Error(id);
  return found;
};
const verdict = (id: string, first: Figures | undefined, second: Figures | undefined) =>
  rowOf('all', measureOf(id), first, second).difference;

test.each<readonly [string, Figures, Figures, Verdict]>([
  ['within', landmarks({ within: 0.9 }), landmarks({ within: 0.8 }), 'better'],
  ['missing', landmarks({ missing: 2 }), landmarks({ missing: 1 }), 'worse'],
  ['median', landmarks({ median: 2 }), landmarks({ median: 3 }), 'better'],
  ['p90', landmarks({ p90: 5 }), landmarks({ p90: 4 }), 'worse'],
  ['dice', masks({ dice: 0.7 }), masks({ dice: 0.8 }), 'worse'],
  ['p10', masks({ p10: 0.6 }), masks({ p10: 0.5 }), 'better'],
  ['hausdorff95', masks({ hausdorff95: 2 }), masks({ hausdorff95: 3 }), 'better'],
  ['volumeRatio', masks({ volumeRatio: 1.1 }), masks({ volumeRatio: 1.3 }), 'better'],
  ['volumeRatio', masks({ volumeRatio: 0.6 }), masks({ volumeRatio: 1.3 }), 'worse'],
  ['volumeRatio', masks({ volumeRatio: 0.9 }), masks({ volumeRatio: 1.1 }), 'equal'],
])('%s knows which of two values is better', (id, first, second, expected) => {
  expect(verdict(id, first, second).verdict).toBe(expected);
});

test('a difference that the shown digits hide is none, and the others are the difference of what is shown', () => {
  expect(verdict('median', landmarks({ median: 2.04 }), landmarks({ median: 1.96 }))).toEqual({
    verdict: 'equal',
    by: 0,
  });
  expect(verdict('median', landmarks({ median: 2.06 }), landmarks({ median: 1.94 }))).toEqual({
    verdict: 'worse',
    by: 0.2,
  });
});

test('what was not scored, has no value, or is of another kind cannot be compared', () => {
  const unknown = { verdict: 'unknown', by: null };

  expect(verdict('median', landmarks({ median: null }), landmarks({}))).toEqual(unknown);
  expect(verdict('median', landmarks({}), undefined)).toEqual(unknown);
  expect(verdict('missing', landmarks({ n: 0 }), landmarks({}))).toEqual(unknown);
  expect(verdict('dice', landmarks({}), masks({}))).toEqual(unknown);
  expect(verdict('volumeRatio', masks({}), masks({ volumeRatio: 1 }))).toEqual(unknown);
});

test('a row has both values with the number of points that each is of', () => {
  expect(rowOf('Bonn', measureOf('within'), landmarks({ n: 6, within: 0.5 }), undefined)).toMatchObject({
    ...{ name: 'Bonn', first: 0.5, second: null, firstN: 6, secondN: 0 },
  });
});

test('an error is of the points that were found alone', () => {
  const none = landmarks({ n: 40, missing: 40, median: null });

  expect(rowOf('all', measureOf('median'), none, landmarks({ n: 40, missing: 4 }))).toMatchObject({
    firstN: 0,
    secondN: 36,
  });
  expect(rowOf('all', measureOf('missing'), none, undefined).firstN).toBe(40);
});

test('all verdicts are counted, so that what got worse is never left out', () => {
  const rows = [0.9, 0.8, 0.7, 0.7, null].map((within) =>
    rowOf('one', measureOf('within'), landmarks({ within }), landmarks({ within: 0.8 })),
  );

  expect(tally(rows)).toEqual({ better: 1, equal: 1, worse: 2, unknown: 1 });
});

test('figures are found by the name at their index', () => {
  const [a, b] = [landmarks({ n: 1 }), landmarks({ n: 2 })];

  expect([
    ...named(
      [
        [2, a],
        [0, b],
      ],
      ['Bonn', 'Köln', 'Ulm'],
    ),
  ]).toEqual([
    ['Ulm', a],
    ['Bonn', b],
  ]);
});
