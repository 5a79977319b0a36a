import fc from 'fast-check';
import { isFedcardioError } from '../../../lib/error.ts';
import { TASKS } from '../../../lib/federation/tasks.ts';
import { readMarkups, writeMarkups } from '../../../lib/imaging/markups.ts';
import type { Landmark } from '../../../lib/imaging/volume.ts';
import { examineMarkups } from '../../../lib/intake/label.ts';
import { GRID, POINTS } from '../../../lib/intake/testing.ts';
import { mutatedBytes } from '../byte-mutations.ts';
import type { Target } from '../engine.ts';
import { mutatedJson } from '../json-mutations.ts';

/**
 * 3D Slicer's markups files. They are read or refused as `BAD_LABEL`. A point that is read is one of the file, placed,
 * with x and y as they are in RAS and negated in LPS; a coordinate system that is neither is refused.
 */
export const markups = (): Target => ({
  inputs: fc.oneof(
    { weight: 6, arbitrary: mutatedJson(FILES).map((text) => Buffer.from(text)) },
    { weight: 3, arbitrary: anyPoints.map((file) => Buffer.from(JSON.stringify(file))) },
    { weight: 1, arbitrary: mutatedBytes(fc.constantFrom(...FILES).map((file) => Buffer.from(JSON.stringify(file)))) },
  ),
  check: (input) => {
    const text = Buffer.from(input).toString('utf8');
    const landmarks = refused(() => readMarkups(text, CLASSES));
    const counts = refused(() => examineMarkups(text, TASKS['hinge-points'], GRID));
    if (counts && !landmarks) throw new Error('intake accepts what a GPU task refuses');
    if (landmarks) compare(landmarks, JSON.parse(text.replace(/^\uFEFF/, '')));
  },
});

const CLASSES = TASKS['hinge-points'].classes;

const written = JSON.parse(writeMarkups(POINTS, CLASSES)) as { readonly markups: readonly object[] };
const list = (change: object) => ({ markups: written.markups.map((markup) => ({ ...markup, ...change })) });
/** As different versions of Slicer write them. */
const FILES: readonly unknown[] = [
  written,
  ...['RAS', 'LPS', 'lps', 'Ras', 0, 1, '0', '1'].map((coordinateSystem) => list({ coordinateSystem })),
  list({ coordinateUnits: ['mm', 'UCUM', 'millimeter'] }),
  { markups: [{ coordinateSystem: 'RAS', controlPoints: [{ label: CLASSES[0], position: [1, 2, 3] }] }] },
  { markups: [{ controlPoints: [{ label: CLASSES[1], position: [1, 2, 3], positionStatus: 'defined' }] }] },
];

const oneOf = (...values: readonly unknown[]) => fc.constantFrom(...values);
/** Files of one or two lists, with points of every kind. */
const anyPoints = fc
  .array(
    fc.record({
      system: oneOf(
        'LPS',
        'RAS',
        'lps',
        'ras',
        0,
        1,
        '0',
        '1',
        undefined,
        undefined,
        null,
        2,
        -0,
        true,
        'IJK',
        ' RAS',
        'LAS',
        '',
        [],
      ),
      units: oneOf(undefined, undefined, 'mm', ['mm'], 'cm', [], null, 'MM'),
      points: fc.array(
        fc.record({
          label: oneOf(
            ...CLASSES,
            ...CLASSES,
            CLASSES[0]?.toUpperCase(),
            ` ${CLASSES[0]} `,
            'F-1',
            '',
            'constructor',
            1,
          ),
          position: fc.oneof(
            { weight: 5, arbitrary: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -60, max: 60 }))) },
            {
              weight: 1,
              arbitrary: oneOf(
                '',
                null,
                undefined,
                [],
                [1, 2],
                [1, 2, 3, 4],
                [1, '2', 3],
                [1e308, -1e308, 0],
                [-0, 0, -0],
              ),
            },
          ),
          positionStatus: oneOf('defined', 'defined', 'defined', undefined, 'missing', 'preview', 'undefined', '', 1),
          orientation: oneOf(undefined, [-1, 0, 0, 0, -1, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
        }),
        { maxLength: 4 },
      ),
    }),
    { maxLength: 2 },
  )
  .map((lists) => ({
    markups: lists.map(({ system, units, points }) => ({
      coordinateSystem: system,
      coordinateUnits: units,
      controlPoints: points,
    })),
  }));

interface Markup {
  readonly coordinateSystem?: unknown;
  readonly controlPoints?: readonly { readonly position?: unknown; readonly positionStatus?: unknown }[];
}

/** Compares with the points of the file, read in the simplest way. */
function compare(landmarks: readonly Landmark[], file: { readonly markups: readonly Markup[] }): void {
  const placed = file.markups.flatMap(({ coordinateSystem = 'LPS', controlPoints = [] }) => {
    const isRas = /^(ras|0)$/i.test(String(coordinateSystem));
    if (!isRas && !/^(lps|1)$/i.test(String(coordinateSystem)))
      throw new Error(`read as if ${coordinateSystem} were known`);
    const sign = isRas ? 1 : -1;
    return controlPoints
      .filter(({ positionStatus = 'defined' }) => positionStatus === 'defined')
      .map(({ position }) => position as readonly [number, number, number])
      .map(([x, y, z]) => [sign * x, sign * y, z].map((one) => one + 0).join());
  });
  const found = landmarks.flatMap(({ position }) => (position ? [position.map((one) => one + 0).join()] : []));
  if (!landmarks.every(({ position }) => position === null || position.every(Number.isFinite))) {
    throw new Error(`a position is not finite: ${found.join('; ')}`);
  }
  if (found.sort().join('; ') !== placed.sort().join('; ')) {
    throw new Error(`the file has ${placed.join('; ')}, read is ${found.join('; ')}`);
  }
}

function refused<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_LABEL')) throw error;
    if (!error.message.endsWith('.') || !error.hint || error.message.length > 1000)
      throw new Error(`a bad message: ${error.message}`);
    return undefined;
  }
}
