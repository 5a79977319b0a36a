import { expect, test } from 'vitest';
import { TASKS } from '../../lib/federation/tasks.ts';
import { measure } from '../../lib/scoring/measurements.ts';
import { doubtsOf } from '../../lib/training/plausibility.ts';
import { measuredDe } from '../text/measured/de.ts';
import { measuredEn } from '../text/measured/en.ts';
import { doubtText } from './doubts.ts';

type Point = readonly [number, number, number] | null;

const HINGES: readonly (readonly [number, number, number])[] = [
  [12, 0, 0],
  [-6, 10, 0],
  [-6, -10, 0],
];
const NAMES = ['hinge-right', 'hinge-left', 'hinge-non-coronary', 'ostium-right', 'ostium-left'];
const measured = (points: readonly Point[], doubts: readonly string[] = []) =>
  measure([
    {
      task: TASKS['hinge-points'],
      landmarks: Object.fromEntries(NAMES.map((name, index) => [name, points[index] ?? null])),
      doubts,
    },
    { task: TASKS.calcification, volumeMm3: 3, doubts: [] },
    {
      task: TASKS['membranous-septum'],
      landmarks: { 'septum-start': [0, 0, 0], 'septum-end': [0, 0, 5] },
      doubts: [],
    },
  ]).measurements;

/** What the library says when everything is wrong that can be. */
const WRONG = [
  measured([...HINGES.map(([x, y, z]) => [9 * x, 9 * y, 9 * z] as const), [0, 0, -5], [0, 0, 90]]),
  measured([null, HINGES[1] as Point]),
  measured([
    [0, 0, 0],
    [1, 0, 0],
    [2, 0, 0],
    [0, 0, 9],
    [0, 0, 9],
  ]),
].flat();
const DOUBTS = [
  ...WRONG.flatMap(({ doubts, reason }) => [...doubts, ...(reason === undefined ? [] : [reason])]),
  ...doubtsOf(TASKS['hinge-points'], {
    confidence: 0.1,
    landmarks: HINGES.map((position, index) => ({
      label: index + 1,
      position: position.map((mm) => 20 * mm) as [number, number, number],
      share: 0.62,
    })),
  }),
  ...doubtsOf(TASKS.calcification, {
    confidence: 0.9,
    classMap: {
      ...{
        shape: [100, 100, 100],
        affine: [
          [9, 0, 0, 0],
          [0, 9, 0, 0],
          [0, 0, 9, 0],
          [0, 0, 0, 1],
        ],
      },
      data: new Uint8Array(1e6).fill(1),
    } as never,
  }),
];

test('every kind of doubt is there, so that the next test has something to find', () => {
  for (const kind of [
    /^confidence/,
    /^largest component/,
    /^distance/,
    /^volume/,
    /^[\d.]+ mm of/,
    /^not found/,
    /below/,
    /one line/,
  ]) {
    expect(
      DOUBTS.some((doubt) => kind.test(doubt)),
      String(kind),
    ).toBe(true);
  }
});

test.each([...new Set(DOUBTS)])('%s is said in German, with its numbers', (doubt) => {
  const german = doubtText(doubt, measuredDe);

  expect(german).not.toBe(doubt);
  expect(german).not.toMatch(/\b(?:of|to|found|distance|volume|lies)\b/);
  expect(german.match(/[\d.]+/g)).toEqual(doubt.match(/[\d.]+/g));
  expect(doubtText(doubt, measuredEn)).toBe(doubt);
});

test('every measurement of the default tasks has a name in both languages', () => {
  const ids = WRONG.map(({ id }) => id);

  expect(new Set(ids).size).toBe(5);
  for (const { names } of [measuredEn, measuredDe]) expect(ids.filter((id) => !Object.hasOwn(names, id))).toEqual([]);
});

test('a doubt that nobody knows is shown as it is', () => {
  expect(doubtText('<img src=x> of 3', measuredDe)).toBe('<img src=x> of 3');
});
