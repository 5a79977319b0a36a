import type { Vec3 } from '../imaging/volume.ts';

/**
 * A coordinate system placed in the world (RAS, mm): `world = origin + scale · (x·axes[0] + y·axes[1] + z·axes[2])`.
 * The axes are orthonormal and right-handed.
 */
export interface Frame {
  readonly origin: Vec3;
  readonly axes: readonly [Vec3, Vec3, Vec3];
  readonly scale: number;
}

export const add = (a: Vec3, b: Vec3): Vec3 => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
export const subtract = (a: Vec3, b: Vec3): Vec3 => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const times = (a: Vec3, factor: number): Vec3 => [a[0] * factor, a[1] * factor, a[2] * factor];
export const dot = (a: Vec3, b: Vec3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
// Not Math.hypot, whose rounding differs between engines; IEEE 754 defines that of Math.sqrt.
export const distanceBetween = (a: Vec3, b: Vec3): number => Math.sqrt(dot(subtract(a, b), subtract(a, b)));
export const normalised = (a: Vec3): Vec3 => times(a, 1 / Math.sqrt(dot(a, a)));
export const cross = (a: Vec3, b: Vec3): Vec3 => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const lerp = (a: Vec3, b: Vec3, t: number): Vec3 => add(a, times(subtract(b, a), t));

/** World coordinates of a point of the frame. */
export const toWorld = (frame: Frame, p: Vec3): Vec3 =>
  add(frame.origin, times(directionToWorld(frame, p), frame.scale));

/** Coordinates of a world point in the frame. */
export function toLocal(frame: Frame, p: Vec3): Vec3 {
  const d = times(subtract(p, frame.origin), 1 / frame.scale);
  return [dot(d, frame.axes[0]), dot(d, frame.axes[1]), dot(d, frame.axes[2])];
}

/** A frame given in the coordinates of another, as a frame in the world. */
export const within = (outer: Frame, inner: Frame): Frame => ({
  origin: toWorld(outer, inner.origin),
  axes: [
    directionToWorld(outer, inner.axes[0]),
    directionToWorld(outer, inner.axes[1]),
    directionToWorld(outer, inner.axes[2]),
  ],
  scale: outer.scale * inner.scale,
});

/** The axes rotated by angles in degrees about x, then y, then z. */
export function rotatedAxes(degrees: Vec3): readonly [Vec3, Vec3, Vec3] {
  const [[cx, sx], [cy, sy], [cz, sz]] = [cosSin(degrees[0]), cosSin(degrees[1]), cosSin(degrees[2])];
  return [
    [cz * cy, sz * cy, -sy],
    [cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx],
    [cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx],
  ];
}

function cosSin(degrees: number): readonly [number, number] {
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

const directionToWorld = ({ axes }: Frame, p: Vec3): Vec3 => [
  p[0] * axes[0][0] + p[1] * axes[1][0] + p[2] * axes[2][0],
  p[0] * axes[0][1] + p[1] * axes[1][1] + p[2] * axes[2][1],
  p[0] * axes[0][2] + p[1] * axes[1][2] + p[2] * axes[2][2],
];
