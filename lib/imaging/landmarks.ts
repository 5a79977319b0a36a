import { apply, invert, voxelsOf } from './affine.ts';
import { forEachVoxelWithin, squaredDistance } from './ball.ts';
import { connectedComponents, largestComponent } from './connected-components.ts';
import type { Grid, Landmark, Vec3, Volume, VoxelArray } from './volume.ts';

/** A predicted landmark. */
export interface FoundLandmark extends Landmark {
  /** Mean certainty of the voxels that it is the centroid of; absent if it is missing or certainties are not known. */
  readonly certainty?: number;
  /** Share of its class's voxels that it is the centroid of; absent if it is missing. */
  readonly share?: number;
}

/**
 * A class map with a sphere of `radiusMm` around every point, in the class of the point. Where spheres overlap, a voxel
 * belongs to the nearest point, the first of equals. A sphere that contains no voxel centre becomes the voxel that its
 * point lies in, unless another point has taken it. Missing points leave no voxel. Points outside the grid leave only
 * the part of their sphere that reaches into it.
 */
export function paintLandmarks(points: readonly Landmark[], grid: Grid, radiusMm: number): Volume<Uint8Array> {
  const { shape, affine } = grid;
  const data = new Uint8Array(voxelsOf(shape));
  const present = points.flatMap(({ label, position }) => (position ? [{ label, position }] : []));
  for (const point of present) {
    const others = present.filter((other) => other !== point);
    const isNearest = (p: Vec3, own: number) =>
      others.every((other) => {
        const theirs = squaredDistance(p, other.position);
        return own < theirs || (own === theirs && present.indexOf(point) < present.indexOf(other));
      });
    let painted = 0;
    forEachVoxelWithin(grid, point.position, radiusMm, (index, own, p) => {
      if (!isNearest(p, own)) return;
      data[index] = point.label;
      painted += 1;
    });
    if (painted === 0) paintVoxelOf(data, shape, apply(invert(affine), point.position), point.label);
  }
  return { shape, affine, data };
}

/**
 * The landmarks of a predicted class map: for every class 1 … `classes` the centroid of its largest connected component
 * (26-connectivity), world (RAS, mm), and the share of the class's voxels in it. Null if the class is absent.
 *
 * @param certainty of every voxel; a landmark's `certainty` is the mean over its component
 */
export function decodeLandmarks(classMap: Volume, classes: number, certainty?: VoxelArray): readonly FoundLandmark[] {
  const components = connectedComponents(classMap.data, classMap.shape, 26, certainty);
  const voxels = new Map<number, number>();
  for (const { label, voxels: own } of components) voxels.set(label, (voxels.get(label) ?? 0) + own);
  return Array.from({ length: classes }, (_, i) => {
    const label = i + 1;
    const largest = largestComponent(components, label);
    if (!largest) return { label, position: null };
    const position = apply(classMap.affine, largest.centroid);
    const share = largest.voxels / (voxels.get(label) as number);
    return { label, position, share, ...(largest.mean === undefined ? {} : { certainty: largest.mean }) };
  });
}

/** The landmarks of a manual class map: for every class 1 … `classes` the centroid of all its voxels. */
export function landmarksOfClassMap(classMap: Volume, classes: number): readonly Landmark[] {
  const [nx, ny, nz] = classMap.shape;
  const sums = Array.from({ length: classes + 1 }, () => ({ n: 0, x: 0, y: 0, z: 0 }));
  let at = 0;
  for (let z = 0; z < nz; z += 1) {
    for (let y = 0; y < ny; y += 1) {
      for (let x = 0; x < nx; x += 1) {
        const label = classMap.data[at] as number;
        at += 1;
        const sum = label === 0 ? undefined : sums[label];
        if (!sum) continue;
        sum.n += 1;
        sum.x += x;
        sum.y += y;
        sum.z += z;
      }
    }
  }
  return sums.slice(1).map(({ n, x, y, z }, i) => ({
    label: i + 1,
    position: n === 0 ? null : apply(classMap.affine, [x / n, y / n, z / n]),
  }));
}

function paintVoxelOf(data: Uint8Array, shape: Vec3, centre: Vec3, label: number): void {
  const [x, y, z] = centre.map((index) => Math.floor(index + 0.5)) as unknown as Vec3;
  const inside = [x, y, z].every((index, axis) => index >= 0 && index < (shape[axis] as number));
  const at = x + shape[0] * (y + shape[1] * z);
  if (inside && data[at] === 0) data[at] = label;
}
