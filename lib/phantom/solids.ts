import type { Vec3 } from '../imaging/volume.ts';
import { add, subtract } from './frame.ts';

/** Signed distance to a surface in the units of the solid's frame, negative inside; exact only near the surface. */
export type Distance = (x: number, y: number, z: number) => number;

export interface Box {
  readonly min: Vec3;
  readonly max: Vec3;
}

export interface Solid {
  readonly distance: Distance;
  /** The solid is absent outside this box. */
  readonly box: Box;
}

/** A point of a tube's centre line, and the tube's radius there. */
export type Knot = readonly [x: number, y: number, z: number, radius: number];

/**
 * An ellipsoid with half-axes along x, y and z. Distance to first order after Inigo Quilez, "Ellipsoid - distance"
 * (2008).
 */
export function ellipsoid(centre: Vec3, halfAxes: Vec3): Solid {
  const [cx, cy, cz] = centre;
  const [ax, ay, az] = [1 / halfAxes[0], 1 / halfAxes[1], 1 / halfAxes[2]];
  return {
    box: { min: subtract(centre, halfAxes), max: add(centre, halfAxes) },
    distance(x, y, z) {
      const px = (x - cx) * ax;
      const py = (y - cy) * ay;
      const pz = (z - cz) * az;
      const k = Math.sqrt(px * px + py * py + pz * pz);
      const gx = px * ax;
      const gy = py * ay;
      const gz = pz * az;
      const g = Math.sqrt(gx * gx + gy * gy + gz * gz);
      return g === 0 ? -Math.min(halfAxes[0], halfAxes[1], halfAxes[2]) : (k * (k - 1)) / g;
    },
  };
}

/** An ellipsoid of revolution: half-axis `along` in a unit direction, `across` at right angles to it. */
export function spheroid(centre: Vec3, direction: Vec3, along: number, across: number): Solid {
  const [cx, cy, cz] = centre;
  const [dx, dy, dz] = direction;
  const reach = Math.max(along, across);
  return {
    box: { min: subtract(centre, [reach, reach, reach]), max: add(centre, [reach, reach, reach]) },
    distance(x, y, z) {
      const px = x - cx;
      const py = y - cy;
      const pz = z - cz;
      const h = px * dx + py * dy + pz * dz;
      const q = Math.max(px * px + py * py + pz * pz - h * h, 0);
      const k = Math.sqrt((h * h) / (along * along) + q / (across * across));
      const g = Math.sqrt((h * h) / along ** 4 + q / across ** 4);
      return g === 0 ? -Math.min(along, across) : (k * (k - 1)) / g;
    },
  };
}

/** A tube with round ends through the knots. Its radius is interpolated between them. */
export function tube(knots: readonly Knot[]): Solid {
  const segments = knots.slice(1).map((to, i) => {
    const from = knots[i]!;
    const d: Vec3 = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
    const inverse = 1 / (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
    return new Float64Array([from[0], from[1], from[2], d[0], d[1], d[2], inverse, from[3], to[3] - from[3]]);
  });
  const extreme = (axis: 0 | 1 | 2, sign: 1 | -1) => sign * Math.max(...knots.map((k) => sign * k[axis] + k[3]));
  return {
    box: {
      min: [extreme(0, -1), extreme(1, -1), extreme(2, -1)],
      max: [extreme(0, 1), extreme(1, 1), extreme(2, 1)],
    },
    distance(x, y, z) {
      let nearest = Number.POSITIVE_INFINITY;
      for (const s of segments) {
        const px = x - s[0]!;
        const py = y - s[1]!;
        const pz = z - s[2]!;
        const along = (px * s[3]! + py * s[4]! + pz * s[5]!) * s[6]!;
        const t = along < 0 ? 0 : along > 1 ? 1 : along;
        const ex = px - t * s[3]!;
        const ey = py - t * s[4]!;
        const ez = pz - t * s[5]!;
        const d = Math.sqrt(ex * ex + ey * ey + ez * ez) - s[7]! - t * s[8]!;
        if (d < nearest) nearest = d;
      }
      return nearest;
    },
  };
}

/** An upright elliptic cylinder about (x, y) with half-axes a and b. */
export function pillar(
  [x, y]: readonly [number, number],
  [a, b]: readonly [number, number],
  halfHeight: number,
): Solid {
  const flat = ellipsoid([x, y, 0], [a, b, 1]);
  return {
    box: { min: [x - a, y - b, -halfHeight], max: [x + a, y + b, halfHeight] },
    distance: (px, py) => flat.distance(px, py, 0),
  };
}

/** The middle surface of a round sheet at right angles to a unit normal, as an unsigned distance. */
export function disc(centre: Vec3, normal: Vec3, radius: number): Solid {
  const [cx, cy, cz] = centre;
  const reach: Vec3 = [radius, radius, radius];
  return {
    box: { min: subtract(centre, reach), max: add(centre, reach) },
    distance(x, y, z) {
      const px = x - cx;
      const py = y - cy;
      const pz = z - cz;
      const h = px * normal[0] + py * normal[1] + pz * normal[2];
      return Math.max(Math.abs(h), Math.sqrt(Math.max(px * px + py * py + pz * pz - h * h, 0)) - radius);
    },
  };
}

/** The solid with a layer of this thickness around it. */
export const thickened = ({ distance, box }: Solid, by: number): Solid => ({
  distance: (x, y, z) => distance(x, y, z) - by,
  box: { min: subtract(box.min, [by, by, by]), max: add(box.max, [by, by, by]) },
});

/** 0 below `from`, 1 above `to`, and a cubic with flat ends between. */
export function smoothstep(from: number, to: number, x: number): number {
  const t = x <= from ? 0 : x >= to ? 1 : (x - from) / (to - from);
  return t * t * (3 - 2 * t);
}
