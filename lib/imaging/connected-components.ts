import type { Vec3, VoxelArray } from './volume.ts';

/** A connected set of voxels of one class. */
export interface Component {
  /** Class of the voxels. */
  readonly label: number;
  readonly voxels: number;
  /** Mean voxel index. */
  readonly centroid: Vec3;
}

/** 6: voxels that share a face are connected. 26: also those that share an edge or a corner. */
export type Connectivity = 6 | 26;

/**
 * The connected components of every class in a class map, in the order of their first voxel. Class 0 is the background.
 *
 * @param shape [nx, ny, nz], x fastest
 */
export function connectedComponents(
  classes: VoxelArray,
  shape: Vec3,
  connectivity: Connectivity = 26,
): readonly Component[] {
  const seen = new Uint8Array(classes.length);
  const stack: number[] = [];
  const components: Component[] = [];
  for (let first = 0; first < classes.length; first += 1) {
    if (classes[first] === 0 || seen[first]) continue;
    components.push(flood(classes, shape, connectivity, first, seen, stack));
  }
  return components;
}

/** The largest component of a class, the first of equals. Undefined if the class is absent. */
export function largestComponent(components: readonly Component[], label: number): Component | undefined {
  return components
    .filter((component) => component.label === label)
    .reduce<Component | undefined>((best, next) => (best && best.voxels >= next.voxels ? best : next), undefined);
}

function flood(
  classes: VoxelArray,
  [nx, ny, nz]: Vec3,
  connectivity: Connectivity,
  first: number,
  seen: Uint8Array,
  stack: number[],
): Component {
  const label = classes[first] as number;
  const faces = connectivity === 6;
  let [voxels, sumX, sumY, sumZ] = [0, 0, 0, 0];
  seen[first] = 1;
  stack.push(first);
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const x = at % nx;
    const y = Math.floor(at / nx) % ny;
    const z = Math.floor(at / (nx * ny));
    voxels += 1;
    sumX += x;
    sumY += y;
    sumZ += z;
    for (let dz = z > 0 ? -1 : 0; dz <= (z < nz - 1 ? 1 : 0); dz += 1) {
      for (let dy = y > 0 ? -1 : 0; dy <= (y < ny - 1 ? 1 : 0); dy += 1) {
        for (let dx = x > 0 ? -1 : 0; dx <= (x < nx - 1 ? 1 : 0); dx += 1) {
          if (faces && Math.abs(dx) + Math.abs(dy) + Math.abs(dz) !== 1) continue;
          const next = at + dx + nx * (dy + ny * dz);
          if (seen[next] || classes[next] !== label) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
  }
  return { label, voxels, centroid: [sumX / voxels, sumY / voxels, sumZ / voxels] };
}
