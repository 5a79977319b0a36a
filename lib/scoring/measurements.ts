import type { Task } from '../federation/tasks.ts';
import type { Vec3 } from '../imaging/volume.ts';

/**
 * Measurements from predicted points and volumes. Points are found by their names, in whichever task has them all, so that
 * a task of a federation's own is measured too. A measurement whose points are missing has no value, but a reason.
 */

/** What a model found for one task in one CT. */
export interface MeasuredTask {
  readonly task: Pick<Task, 'id' | 'kind' | 'title'> & { readonly reportsVolume?: boolean | undefined };
  /** World position (RAS, mm) of each point by name; null if missing. */
  readonly landmarks?: Readonly<Record<string, readonly number[] | null>>;
  /** Volume of class 1, mm³. */
  readonly volumeMm3?: number;
  readonly doubts: readonly string[];
}

export interface Measurement {
  readonly id: string;
  readonly title: string;
  readonly unit: 'mm' | 'mm³';
  /** Null if it cannot be measured. */
  readonly value: number | null;
  /** Why there is no value. */
  readonly reason?: string;
  /** What makes the value unsure or implausible: the doubts of the tasks that it comes from, and its own. */
  readonly doubts: readonly string[];
}

/** The plane of the annulus. */
interface AnnulusPlane {
  /** Centre of the circle through the hinge points (RAS, mm). */
  readonly centre: Vec3;
  /** Unit vector from the ventricle towards the aorta. */
  readonly normal: Vec3;
}

export interface Measurements {
  /** Null if a hinge point is missing or the points are nearly on one line. */
  readonly annulusPlane: AnnulusPlane | null;
  readonly measurements: readonly Measurement[];
}

/** Names of the points whose circle is the annulus. */
export const HINGES = ['hinge-right', 'hinge-left', 'hinge-non-coronary'] as const;
const SEPTUM = ['septum-start', 'septum-end'] as const;
const OSTIA = ['right', 'left'] as const;

/**
 * Plausible values, mm, wide as those of the default tasks are: in TAVI patients the annulus is 18 to 32 mm across, and an
 * ostium is usually 8 to 20 mm above it (lib/federation/tasks.ts).
 */
const PLAUSIBLE = { annulus: [15, 40], height: [2, 32] } as const;

/** Least height of the triangle of hinge points over its longest side. In an annulus it is near 0.87. */
const LEAST_HEIGHT = 0.15;

/** Points nearer to each other than any rounding are one point; the squares of their distances would vanish. */
const LEAST_SIDE_MM = 1e-6;

/** All measurements whose tasks are there. */
export function measure(found: readonly MeasuredTask[]): Measurements {
  const hinges = pick(found, HINGES);
  const septum = pick(found, SEPTUM);
  const circle = hinges?.positions && circleThrough(...(hinges.positions as Triangle));
  return {
    annulusPlane: circle ? { centre: circle.centre, normal: circle.normal } : null,
    measurements: [
      ...(hinges ? [annulus(hinges, circle ?? null)] : []),
      ...(hinges
        ? OSTIA.flatMap((side) => {
            const ostium = pick(found, [`ostium-${side}`]);
            return ostium ? [height(side, hinges, ostium, circle ?? null)] : [];
          })
        : []),
      ...(septum ? [septumLength(septum)] : []),
      ...found.flatMap(volume),
    ],
  };
}

type Triangle = readonly [Vec3, Vec3, Vec3];

/**
 * The circle through three points in space: its diameter is abc / 2A, for sides a, b, c and the area A of the triangle.
 * Null if the points are nearly on one line, where a small error of a point moves the circle by any distance.
 *
 * The normal is (q − p) × (r − p). For the right, left and non-coronary hinge points it points from the ventricle to the
 * aorta, because the cusps follow each other clockwise as seen from the aorta in the order right, non-coronary, left.
 */
export function circleThrough(
  p: Vec3,
  q: Vec3,
  r: Vec3,
): { readonly centre: Vec3; readonly normal: Vec3; readonly diameter: number } | null {
  const [u, v] = [minus(q, p), minus(r, p)];
  const cross = crossed(u, v);
  const [doubleArea, longest] = [length(cross), Math.max(length(u), length(v), length(minus(q, r)))];
  if (!(longest > LEAST_SIDE_MM && doubleArea > LEAST_HEIGHT * longest * longest)) return null;
  const normal = scaled(cross, 1 / doubleArea);
  const [u2, v2] = [dot(u, u), dot(v, v)];
  const toCentre = scaled(crossed(plus(scaled(v, -u2), scaled(u, v2)), cross), 1 / (2 * doubleArea ** 2));
  return { centre: plus(p, scaled(toCentre, -1)), normal, diameter: 2 * length(toCentre) };
}

interface Found {
  /** Undefined if a point is missing. */
  readonly positions: readonly Vec3[] | undefined;
  readonly missing: readonly string[];
  readonly doubts: readonly string[];
}

/**
 * The points of some names, all of one task, because another task may name other points so; undefined unless a task has
 * each of them. Of several tasks, the first of those that miss fewest.
 */
function pick(found: readonly MeasuredTask[], names: readonly string[]): Found | undefined {
  const [best] = found
    .flatMap(({ landmarks = {}, doubts }) =>
      names.every((name) => Object.hasOwn(landmarks, name))
        ? [{ landmarks, missing: names.filter((name) => !landmarks[name]), doubts }]
        : [],
    )
    .toSorted((a, b) => a.missing.length - b.missing.length);
  return (
    best && {
      positions: best.missing.length === 0 ? names.map((name) => best.landmarks[name] as Vec3) : undefined,
      missing: best.missing,
      doubts: [...new Set(best.doubts)],
    }
  );
}

function annulus(hinges: Found, circle: { readonly diameter: number } | null): Measurement {
  const what = { id: 'annulus-diameter', title: 'Annulus diameter', unit: 'mm' } as const;
  if (!circle) return without(what, noPlane(hinges));
  return {
    ...what,
    value: circle.diameter,
    doubts: [...hinges.doubts, ...outside(circle.diameter, PLAUSIBLE.annulus)],
  };
}

/** Distance of an ostium from the plane of the annulus, positive on the side of the aorta. */
function height(side: string, hinges: Found, ostium: Found, circle: AnnulusPlane | null): Measurement {
  const what = { id: `coronary-height-${side}`, title: `Height of the ${side} coronary ostium`, unit: 'mm' } as const;
  const doubts = [...new Set([...hinges.doubts, ...ostium.doubts])];
  const [position] = ostium.positions ?? [];
  if (!position) return without(what, missingText(ostium));
  if (!circle) return without(what, noPlane(hinges));
  const value = dot(minus(position, circle.centre), circle.normal);
  const below = value < 0 ? ['the ostium lies below the plane of the annulus'] : outside(value, PLAUSIBLE.height);
  return { ...what, value, doubts: [...doubts, ...below] };
}

function septumLength(septum: Found): Measurement {
  const what = { id: 'septum-length', title: 'Length of the membranous septum', unit: 'mm' } as const;
  const [start, end] = septum.positions ?? [];
  if (!start || !end) return without(what, missingText(septum));
  return { ...what, value: length(minus(end, start)), doubts: septum.doubts };
}

function volume({ task, volumeMm3, doubts }: MeasuredTask): readonly Measurement[] {
  if (!task.reportsVolume || volumeMm3 === undefined) return [];
  return [{ id: `${task.id}-volume`, title: `${task.title}, volume`, unit: 'mm³', value: volumeMm3, doubts }];
}

const without = (what: Pick<Measurement, 'id' | 'title' | 'unit'>, reason: string): Measurement => ({
  ...what,
  value: null,
  reason,
  doubts: [],
});

const missingText = ({ missing }: Found): string => `not found: ${missing.join(', ')}`;

const noPlane = (hinges: Found): string =>
  hinges.positions ? 'the three hinge points lie nearly on one line' : missingText(hinges);

const outside = (value: number, [low, high]: readonly [number, number]): readonly string[] =>
  value >= low && value <= high ? [] : [`${value.toFixed(1)} mm of ${low} to ${high}`];

const minus = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const plus = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const scaled = (a: Vec3, by: number): Vec3 => [a[0] * by, a[1] * by, a[2] * by];
const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const length = (a: Vec3): number => Math.sqrt(dot(a, a));
const crossed = ([a, b, c]: Vec3, [d, e, f]: Vec3): Vec3 => [b * f - c * e, c * d - a * f, a * e - b * d];
