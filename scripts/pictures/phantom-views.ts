import type { Vec3 } from '../../lib/imaging/volume.ts';
import { add, cross, dot, normalised, subtract, times } from '../../lib/phantom/frame.ts';
import { generatePhantom, type Phantom } from '../../lib/phantom/phantom.ts';
import type { Scanner } from '../../lib/phantom/scanner.ts';
import type { Plane } from '../../lib/report/plane.ts';

/** Finer than the scanners of the demo, so that a reader sees the valve. */
const SCANNER: Scanner = {
  name: 'picture',
  pixelMm: 0.7,
  sliceMm: 0.7,
  orientation: 'LPS',
  blurMm: 0.5,
  sharpness: 0,
  noiseHu: 14,
  leftBloodHu: 400,
  rightBloodHu: 190,
};

/** Patients of the pictures: one with little calcium, whose hinge points are easy to see, and one with much. */
const PATIENTS = {
  clear: { seed: 5, scanner: SCANNER },
  calcified: { seed: 7, scanner: SCANNER },
  /** Blood without contrast medium. */
  native: { seed: 7, scanner: { ...SCANNER, leftBloodHu: 42, rightBloodHu: 42 } },
} as const;

const made = new Map<keyof typeof PATIENTS, Phantom>();

/** A patient of the pictures. It is made once, since several pictures show it. */
export function picturePhantom(patient: keyof typeof PATIENTS): Phantom {
  const phantom = made.get(patient) ?? generatePhantom({ ...PATIENTS[patient], fieldOfViewMm: 110 });
  made.set(patient, phantom);
  return phantom;
}

/** Directions of the aortic root (unit vectors, RAS), and the middle of its annulus. */
export interface RootAxes {
  readonly centre: Vec3;
  /** From the ventricle to the aorta. */
  readonly up: Vec3;
  /** Towards the patient's left, in the plane of the annulus. */
  readonly left: Vec3;
}

/** The axes that a reader finds in 3D Slicer: the plane through the three hinge points, and the direction to the aorta. */
export function rootAxes({ points }: Phantom): RootAxes {
  const [right, left, nonCoronary, ostiumRight] = points['hinge-points'] as readonly [Vec3, Vec3, Vec3, Vec3];
  const centre = times(add(add(right, left), nonCoronary), 1 / 3);
  const normal = normalised(cross(subtract(left, right), subtract(nonCoronary, right)));
  const up = dot(normal, subtract(ostiumRight, centre)) > 0 ? normal : times(normal, -1);
  return { centre, up, left: across([-1, 0, 0], up) };
}

/** The part of a direction at a right angle to an axis, as a unit vector. */
const across = (direction: Vec3, axis: Vec3): Vec3 =>
  normalised(subtract(direction, times(axis, dot(direction, axis))));

/** A square around a point. `right` and `down` are unit vectors at a right angle. */
export function squareAround(centre: Vec3, right: Vec3, down: Vec3, sideMm: number, pixel: number): Plane {
  const size = Math.round(sideMm / pixel);
  const corner = subtract(centre, times(add(right, down), ((size - 1) * pixel) / 2));
  return { width: size, height: size, origin: corner, right: times(right, pixel), down: times(down, pixel), pixel };
}

/** Across the root at a height above the annulus (mm), front at the top and the patient's right at the left. */
export function shortAxis({ centre, up, left }: RootAxes, heightMm: number, sideMm: number, pixel: number): Plane {
  return squareAround(add(centre, times(up, heightMm)), left, cross(up, left), sideMm, pixel);
}

/**
 * Along the root through a point of its wall, aorta at the top. The point is on the side `side` of the picture.
 *
 * @param heightMm height of the picture's middle above the annulus
 */
export function longAxis(
  { centre, up }: RootAxes,
  through: Vec3,
  side: 'left' | 'right',
  heightMm: number,
  sideMm: number,
  pixel: number,
): Plane {
  const outward = across(subtract(through, centre), up);
  const right = side === 'right' ? outward : times(outward, -1);
  return squareAround(add(centre, times(up, heightMm)), right, times(up, -1), sideMm, pixel);
}
