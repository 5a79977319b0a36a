import type { Vec3, VoxelArray } from './volume.ts';

/** A connected set of voxels of one class. */
export interface Component {
  /** Class of the voxels. */
  readonly label: number;
  readonly voxels: number;
  /** Mean voxel index. */
  readonly centroid: Vec3;
  /** Mean of `values` over the component; absent without them. */
  readonly mean?: number;
}

/** 6: voxels that share a face are connected. 26: also those that share an edge or a corner. */
export type Connectivity = 6 | 26;

/**
 * The connected components of every class in a class map, in the order of their first voxel. Class 0 is the background.
 *
 * @param shape [nx, ny, nz], x fastest
 * @param values one per voxel, averaged over each component
 */
export function connectedComponents(
  classes: VoxelArray,
  shape: Vec3,
  connectivity: Connectivity = 26,
  values?: VoxelArray,
): readonly Component[] {
  const seen = new Uint8Array(classes.length);
  const stack: number[] = [];
  const components: Component[] = [];
  for (let first = 0; first < classes.length; first += 1) {
    if (classes[first] === 0 || seen[first]) continue;
    components.push(flood(classes, shape, connectivity, first, { seen, stack, values }));
  }
  return components;
}

/** The largest component of a class, the first of equals. Undefined if the class is absent. */
export function largestComponent(components: readonly Component[], label: number): Component | undefined {
  return components
    .filter((component) => component.label === label)
    .reduce<Component | undefined>((best, next) => (best && best.voxels >= next.voxels ? best : next), undefined);
}

interface FloodState {
  readonly seen: Uint8Array;
  readonly stack: number[];
  readonly values: VoxelArray | undefined;
}

function flood(
  classes: VoxelArray,
  shape: Vec3,
  connectivity: Connectivity,
  first: number,
  { seen, stack, values }: FloodState,
): Component {
  const label = classes[first] as number;
  const [nx, ny] = shape;
  let [voxels, sumX, sumY, sumZ, sum] = [0, 0, 0, 0, 0];
  seen[first] = 1;
  stack.push(first);
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    voxels += 1;
    sumX += at % nx;
    sumY += Math.floor(at / nx) % ny;
    sumZ += Math.floor(at / (nx * ny));
    if (values) sum += values[at] as number;
    forEachNeighbour(at, shape, connectivity, (next) => {
      if (seen[next] || classes[next] !== label) return;
      seen[next] = 1;
      stack.push(next);
    });
  }
  const centroid: Vec3 = [sumX / voxels, sumY / voxels, sumZ / voxels];
  return { label, voxels, centroid, ...(values && { mean: sum / voxels }) };
}

/**
 * The voxels of a mask that are connected to a seed through the mask (26-connectivity): its morphological
 * reconstruction from the seeds (Vincent 1993).
 *
 * @param seeds indices of voxels of the mask
 * @returns 1 for these voxels, 0 elsewhere
 */
export function connectedTo(seeds: Iterable<number>, mask: VoxelArray, shape: Vec3): Uint8Array<ArrayBuffer> {
  const found = new Uint8Array(mask.length);
  const stack: number[] = [];
  const reach = (at: number) => {
    if (found[at] || !mask[at]) return;
    found[at] = 1;
    stack.push(at);
  };
  for (const seed of seeds) reach(seed);
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) forEachNeighbour(at, shape, 26, reach);
  return found;
}

function forEachNeighbour(
  at: number,
  [nx, ny, nz]: Vec3,
  connectivity: Connectivity,
  visit: (next: number) => void,
): void {
  const faces = connectivity === 6;
  const x = at % nx;
  const y = Math.floor(at / nx) % ny;
  const z = Math.floor(at / (nx * ny));
  for (let dz = z > 0 ? -1 : 0; dz <= (z < nz - 1 ? 1 : 0); dz += 1) {
    for (let dy = y > 0 ? -1 : 0; dy <= (y < ny - 1 ? 1 : 0); dy += 1) {
      for (let dx = x > 0 ? -1 : 0; dx <= (x < nx - 1 ? 1 : 0); dx += 1) {
        if (faces && Math.abs(dx) + Math.abs(dy) + Math.abs(dz) !== 1) continue;
        visit(at + dx + nx * (dy + ny * dz));
      }
    }
  }
}
