import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMarkups, writeMarkups } from './markups.ts';
import type { Landmark } from './volume.ts';

const CLASSES = ['hinge-right', 'hinge-left', 'ostium-left'];

const file = (markup: object, ...points: object[]) =>
  JSON.stringify({ markups: [{ type: 'Fiducial', ...markup, controlPoints: points }] });
const point = { label: 'hinge-left', position: [1, 2, 3], positionStatus: 'defined' };

test('reads what was written', () => {
  // JSON has no -0, and flipping the sign twice gives 0.
  const number = fc.double({ min: -500, max: 500, noNaN: true }).filter((value) => value !== 0);
  const position = fc.option(fc.tuple(number, number, number));
  fc.assert(
    fc.property(fc.tuple(position, position, position), (positions) => {
      const landmarks: readonly Landmark[] = positions.map((p, i) => ({ label: i + 1, position: p }));
      expect(readMarkups(writeMarkups(landmarks, CLASSES), CLASSES)).toEqual(landmarks);
    }),
  );
});

test.each([
  ['LPS', [-1, -2, 3]],
  ['lps', [-1, -2, 3]],
  [1, [-1, -2, 3]],
  ['1', [-1, -2, 3]],
  ['RAS', [1, 2, 3]],
  [0, [1, 2, 3]],
  [undefined, [-1, -2, 3]],
])('reads the coordinate system %s', (coordinateSystem, expected) => {
  expect(readMarkups(file({ coordinateSystem }, point), CLASSES)[1]).toEqual({ label: 2, position: expected });
});

test('ignores case and blanks in names, and joins several lists', () => {
  const markups = [
    { coordinateUnits: ['mm', 'UCUM', 'millimeter'], controlPoints: [{ label: ' Hinge-Right ', position: [1, 1, 1] }] },
    { coordinateUnits: 'mm', controlPoints: [point] },
  ];
  const landmarks = readMarkups(`\uFEFF${JSON.stringify({ markups })}`, CLASSES);
  expect(landmarks.map((landmark) => landmark.position)).toEqual([[-1, -1, 1], [-1, -2, 3], null]);
});

test('reads points that were not placed as missing', () => {
  for (const positionStatus of ['undefined', 'missing', 'preview']) {
    expect(readMarkups(file({}, { ...point, positionStatus }), CLASSES)[1]?.position).toBeNull();
    // As vtkMRMLMarkupsJsonStorageNode writes it.
    expect(readMarkups(file({}, { ...point, position: '', positionStatus }), CLASSES)[1]?.position).toBeNull();
  }
});

test.each(['undefined', 'missing', 'preview'])(
  'passes over points beside good ones whose status is %s',
  (positionStatus) => {
    const leftover = { label: 'F-6', position: '', positionStatus };
    const twin = { ...point, position: [0, 0, 0], positionStatus };
    for (const points of [
      [point, leftover, twin],
      [twin, leftover, point],
    ])
      expect(readMarkups(file({}, ...points), CLASSES)[1]?.position).toEqual([-1, -2, 3]);
  },
);

describe('a file that cannot be read is refused with the reason', () => {
  test.each([
    ['not JSON', '{', /not a JSON file/],
    ['other JSON', '{"points": []}', /not a markups file: markups/],
    ['an unknown name', file({}, { ...point, label: 'F-1' }), /named "F-1"/],
    ['a name twice', file({}, point, point), /"hinge-left" occurs twice/],
    ['two numbers', file({}, { ...point, position: [1, 2] }), /no position of three numbers/],
    ['an empty position', file({}, { ...point, position: '' }), /no position of three numbers/],
    ['no position', file({}, { label: 'hinge-left' }), /no position of three numbers/],
    ['text as a number', file({}, { ...point, position: ['1', 2, 3] }), /markups\.0\.controlPoints\.0\.position\.0/],
    ['another system', file({ coordinateSystem: 'IJK' }, point), /"IJK" is unknown/],
    ['another unit', file({ coordinateUnits: 'cm' }, point), /in "cm", not in mm/],
    ['a unit that is no text', file({ coordinateUnits: {} }, point), /in units that are no text, not in mm/],
    [
      'a deeply nested unit',
      file({ coordinateUnits: 0 }, point).replace(':0', `:${'['.repeat(1e5)}${']'.repeat(1e5)}`),
      /in units that are no text/,
    ],
  ])('%s', (_what, text, reason) => {
    expect(() => readMarkups(text, CLASSES)).toThrow(reason);
  });

  const long = 'x'.repeat(1e6);
  test.each([
    ['name', file({}, { ...point, label: long })],
    ['name of a point without a position', file({}, { ...point, label: long, position: [] })],
    ['system', file({ coordinateSystem: long }, point)],
    ['unit', file({ coordinateUnits: long }, point)],
  ])('in a short sentence, however long its %s is', (_what, text) => {
    expect(() => readMarkups(text, CLASSES)).toThrow(/"x{60}…".{0,60}\.$/);
  });
});
