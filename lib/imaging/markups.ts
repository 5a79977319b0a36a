import { z } from 'zod';
import { FedcardioError } from '../error.ts';
import type { Landmark, Vec3 } from './volume.ts';

const controlPoint = z.object({
  label: z.string().default(''),
  /** Slicer writes an empty string for a point that is not placed. */
  position: z.preprocess((value) => (value === '' ? undefined : value), z.array(z.number()).optional()),
  /** If absent, the point is placed, as Slicer reads it. */
  positionStatus: z.enum(['undefined', 'preview', 'defined', 'missing']).default('defined'),
});

const markupsFile = z.object({
  markups: z.array(
    z.object({
      coordinateSystem: z.union([z.string(), z.number()]).default('LPS'),
      coordinateUnits: z.unknown().optional(),
      controlPoints: z.array(controlPoint).default([]),
    }),
  ),
});

type ControlPoint = z.infer<typeof controlPoint>;

/**
 * Landmarks from a 3D Slicer markups file (.mrk.json): control points in LPS or RAS whose labels are class names. Points
 * that are not placed do not count, whatever their names: Slicer leaves one behind when placing ends.
 *
 * @param classes names of the classes 1, 2, …
 * @returns one landmark per class, in order, world (RAS, mm); null if the file has no placed point of that name
 * @throws BAD_LABEL with what to change in Slicer
 */
export function readMarkups(text: string, classes: readonly string[]): readonly Landmark[] {
  const found = new Map<string, Vec3>();
  for (const markup of parse(text).markups) {
    checkUnits(markup.coordinateUnits);
    const flip = isLps(markup.coordinateSystem) ? -1 : 1;
    for (const point of markup.controlPoints) {
      const position = positionOf(point, flip);
      if (position === null) continue;
      const name = classes.find((known) => known.toLowerCase() === point.label.trim().toLowerCase());
      if (name === undefined) throw unknownPoint(point.label, classes);
      if (found.has(name)) {
        throw new FedcardioError('BAD_LABEL', `The point "${name}" occurs twice.`, {
          hint: 'Delete one of the two in 3D Slicer.',
        });
      }
      found.set(name, position);
    }
  }
  return classes.map((name, i) => ({ label: i + 1, position: found.get(name) ?? null }));
}

/**
 * Landmarks as a 3D Slicer markups file in LPS. Missing points have the status "missing", which Slicer knows.
 *
 * @param classes names of the classes 1, 2, …
 * @param description shown by Slicer with each point
 */
export function writeMarkups(landmarks: readonly Landmark[], classes: readonly string[], description?: string): string {
  const controlPoints = landmarks.map(({ label, position }) => ({
    id: String(label),
    label: classes[label - 1] ?? String(label),
    ...(description === undefined ? {} : { description }),
    ...(position ? { position: [-position[0], -position[1], position[2]] } : {}),
    positionStatus: position ? 'defined' : 'missing',
  }));
  const file = {
    '@schema':
      'https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#',
    markups: [{ type: 'Fiducial', coordinateSystem: 'LPS', coordinateUnits: 'mm', controlPoints }],
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function parse(text: string): z.infer<typeof markupsFile> {
  const hint = 'Save the points from 3D Slicer as markups (.mrk.json).';
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new FedcardioError('BAD_LABEL', 'It is not a JSON file, or it was cut off.', { cause, hint });
  }
  const parsed = markupsFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FedcardioError('BAD_LABEL', `It is not a markups file: ${issue?.path.join('.')}: ${issue?.message}.`, {
    cause: parsed.error,
    hint,
  });
}

/** Old versions of Slicer wrote 0 for RAS and 1 for LPS. */
function isLps(system: string | number): boolean {
  const name = String(system).toUpperCase();
  if (name === 'LPS' || name === '1') return true;
  if (name === 'RAS' || name === '0') return false;
  throw new FedcardioError('BAD_LABEL', `Its coordinate system ${quoted(String(system))} is unknown.`, {
    hint: 'Save the points from 3D Slicer in LPS or RAS.',
  });
}

/** "mm", or a coded unit whose first part is "mm". */
function checkUnits(units: unknown): void {
  const [unit] = Array.isArray(units) ? units : [units];
  if (unit === undefined || unit === 'mm') return;
  const found = typeof unit === 'string' ? quoted(unit) : 'units that are no text';
  throw new FedcardioError('BAD_LABEL', `Its points are in ${found}, not in mm.`, {
    hint: 'Set the length unit to mm in 3D Slicer and save again.',
  });
}

/** Most characters of a file's text in a message. */
const QUOTED = 60;
const quoted = (text: string): string => `"${text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}"`;

function unknownPoint(label: string, classes: readonly string[]): FedcardioError {
  return new FedcardioError('BAD_LABEL', `It has a point named ${quoted(label)}, which this task does not know.`, {
    hint: `Name the points in 3D Slicer ${classes.join(', ')}.`,
  });
}

function positionOf({ label, position, positionStatus }: ControlPoint, flip: 1 | -1): Vec3 | null {
  if (positionStatus !== 'defined') return null;
  const [x, y, z] = position ?? [];
  if (position?.length !== 3 || x === undefined || y === undefined || z === undefined) {
    throw new FedcardioError('BAD_LABEL', `The point ${quoted(label)} has no position of three numbers.`, {
      hint: 'Place the point again in 3D Slicer, or delete it.',
    });
  }
  return [flip * x, flip * y, z];
}
