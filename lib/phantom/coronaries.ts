import type { Vec3 } from '../imaging/volume.ts';
import { type Random, uniform } from '../random.ts';
import { toLocal, toWorld } from './frame.ts';
import type { Patient } from './patient.ts';
import type { Placement } from './placement.ts';
import type { Root } from './root.ts';
import { type Knot, type Solid, thickened, tube } from './solids.ts';

export interface Coronaries {
  /** Lumina in the heart's frame. Each begins inside the root. */
  readonly lumina: readonly Solid[];
  /** The fat around them. */
  readonly grooves: readonly Solid[];
  /** World coordinates (RAS, mm) of the ostia in the wall of the root. */
  readonly ostia: { readonly right: Vec3; readonly left: Vec3 };
}

/** The left main stem with the start of both branches, and the right coronary artery. */
export function coronariesOf(patient: Patient, root: Root, placement: Placement, random: Random): Coronaries {
  const sway = (p: Vec3): Vec3 => [
    p[0] + uniform(random, -1.5, 1.5),
    p[1] + uniform(random, -1.5, 1.5),
    p[2] + uniform(random, -1.5, 1.5),
  ];
  const at = (p: Vec3, radius: number): Knot => [...p, radius];
  const { right, left } = patient.ostia;
  const mouth = (ostium: typeof right, outwards: number) =>
    toLocal(placement.heart, toWorld(placement.root, root.onWall(ostium.angle, ostium.height, outwards)));
  const stem = (ostium: typeof right): readonly Knot[] => [
    at(mouth(ostium, -0.8), ostium.radius * 1.1),
    at(mouth(ostium, 4.5), ostium.radius),
  ];
  const fork = sway([-25, -3, 17]);
  const branches = [
    [
      ...stem(right),
      ...path(
        [
          [11, 29, 7],
          [21, 33, 1],
          [31, 34, -11],
          [35, 29, -27],
          [33, 24, -42],
        ],
        right.radius,
      ),
    ],
    [...stem(left), at(fork, left.radius)],
    [
      at(fork, left.radius * 0.95),
      ...path(
        [
          [-35, 10, 12],
          [-39, 22, 3],
          [-42, 30, -11],
          [-47, 39, -27],
        ],
        left.radius * 0.9,
      ),
    ],
    [
      at(fork, left.radius * 0.9),
      ...path(
        [
          [-34, -9, 8],
          [-43, -12, -5],
          [-47, -13, -21],
        ],
        left.radius * 0.85,
      ),
    ],
  ];
  const lumina = branches.map(tube);
  const place = (ostium: typeof right) => toWorld(placement.root, root.onWall(ostium.angle, ostium.height));
  return {
    lumina,
    grooves: lumina.map((lumen) => thickened(lumen, 3)),
    ostia: { right: place(right), left: place(left) },
  };

  function path(points: readonly Vec3[], radius: number): readonly Knot[] {
    return points.map((p, i) => at(sway(p), radius * (1 - 0.06 * i)));
  }
}
