import { FedcardioError } from '../error.ts';
import { apply } from '../imaging/affine.ts';
import { kdTree } from '../imaging/kd-tree.ts';
import type { Vec3, Volume } from '../imaging/volume.ts';

/**
 * The 95 % Hausdorff distance of the voxels of class `label` in two masks on one grid, mm, as MONAI computes it: the 95
 * % quantile (Hyndman & Fan type 7) of the distances from each surface voxel of one mask to the nearest of the other,
 * and the larger value of both directions. A surface voxel has a face towards another class or the outside. Distances
 * are between voxel centres in world coordinates, so that oblique grids do not distort them.
 *
 * @returns null if the class is missing in either mask
 * @throws BAD_LABEL if the masks differ in size
 */
export function hausdorff95(a: Volume, b: Volume, label = 1): number | null {
  if (a.data.length !== b.data.length) {
    throw new FedcardioError('BAD_LABEL', `Masks of ${a.data.length} and ${b.data.length} voxels cannot be compared.`, {
      hint: 'Resample one to the grid of the other first.',
    });
  }
  const [ofA, ofB] = [surface(a, label), surface(b, label)];
  if (ofA.length === 0 || ofB.length === 0) return null;
  return Math.max(quantile95(distances(ofA, ofB)), quantile95(distances(ofB, ofA)));
}

/** World positions of the surface voxels: [x, y, z] after [x, y, z]. */
function surface({ data, shape: [nx, ny, nz], affine }: Volume, label: number): Float64Array {
  const found: number[] = [];
  let at = -1;
  for (let z = 0; z < nz; z += 1) {
    for (let y = 0; y < ny; y += 1) {
      for (let x = 0; x < nx; x += 1) {
        at += 1;
        if (data[at] !== label) continue;
        const atEdge = x === 0 || y === 0 || z === 0 || x === nx - 1 || y === ny - 1 || z === nz - 1;
        const inside =
          !atEdge &&
          data[at - 1] === label &&
          data[at + 1] === label &&
          data[at - nx] === label &&
          data[at + nx] === label &&
          data[at - nx * ny] === label &&
          data[at + nx * ny] === label;
        if (!inside) found.push(...apply(affine, [x, y, z]));
      }
    }
  }
  return Float64Array.from(found);
}

function distances(from: Float64Array, to: Float64Array): Float64Array {
  const nearest = kdTree(to);
  return Float64Array.from({ length: from.length / 3 }, (_, i) =>
    nearest([from[3 * i], from[3 * i + 1], from[3 * i + 2]] as unknown as Vec3),
  );
}

function quantile95(values: Float64Array): number {
  const sorted = values.sort();
  const at = 0.95 * (sorted.length - 1);
  const below = sorted[Math.floor(at)] as number;
  return below + (at - Math.floor(at)) * ((sorted[Math.ceil(at)] as number) - below);
}
