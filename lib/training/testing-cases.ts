import type { TaskId } from '../federation/tasks.ts';
import { apply } from '../imaging/affine.ts';
import { CT_INTENSITY, intensityOf, normalised } from '../imaging/intensity.ts';
import type { Affine, Grid, Vec3 } from '../imaging/volume.ts';
import { seededRandom } from '../random.ts';
import type { PreparedCase, PreparedImage, Target } from './cases.ts';

/** Air as a network sees it in a CT. */
export const STANDARDISED_AIR = normalised(-1000, intensityOf(new Int16Array(), CT_INTENSITY));

/** A cube of `side`³ voxels of `spacing` mm whose first voxel is at `origin`. */
export function cube(side: number, spacing: number, origin: Vec3 = [0, 0, 0]): Grid {
  const affine: Affine = [
    [spacing, 0, 0, origin[0]],
    [0, spacing, 0, origin[1]],
    [0, 0, spacing, origin[2]],
    [0, 0, 0, 1],
  ];
  return { shape: [side, side, side], affine };
}

/** A volume whose values are `f` of each voxel's world position, with air outside. */
export function volumeOf(grid: Grid, f: (world: Vec3) => number): PreparedImage {
  const [nx, ny, nz] = grid.shape;
  const data = Float32Array.from({ length: nx * ny * nz }, (_, i) =>
    f(apply(grid.affine, [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))])),
  );
  return { ...grid, data, outside: STANDARDISED_AIR };
}

/** A case with one bright ball in noise. The ball is its calcium, and its two ends are the septum's points. */
export function ballCase(id: string, side: number, spacing: number, tasks: readonly TaskId[]): PreparedCase {
  const random = seededRandom('ball', id);
  const grid = cube(side, spacing);
  const length = side * spacing;
  const centre = [0, 1, 2].map(() => length * (0.4 + 0.2 * random())) as unknown as Vec3;
  const radius = length / 5;
  const inside = (world: Vec3) => Math.hypot(...world.map((value, axis) => value - centre[axis]!)) <= radius;
  const end = (label: number, shift: number) => ({
    label,
    position: [centre[0] + shift, centre[1], centre[2]] as const,
  });
  const all: Partial<Record<TaskId, Target>> = {
    calcification: {
      kind: 'mask',
      mask: { ...grid, data: Uint8Array.from(volumeOf(grid, (world) => (inside(world) ? 1 : 0)).data) },
    },
    'membranous-septum': { kind: 'points', points: [end(1, -radius), end(2, radius)] },
  };
  return {
    id,
    image: volumeOf(grid, (world) => (inside(world) ? 2 : STANDARDISED_AIR) + random()),
    targets: new Map(tasks.map((task) => [task, all[task]!])),
  };
}
