import { apply, invert, spacingOf, voxelsOf } from './affine.ts';
import { connectedComponents, largestComponent } from './connected-components.ts';
import type { Grid, Landmark, Vec3, Volume } from './volume.ts';

/**
 * A class map with a sphere of `radiusMm` around every point, in the class of the point. Where spheres overlap, a voxel
 * belongs to the nearest point, the first of equals. A sphere that contains no voxel centre becomes the voxel that its
 * point lies in, unless another point has taken it. Missing points leave no voxel. Points outside the grid leave only
 * the part of their sphere that reaches into it.
 */
export function paintLandmarks(points: readonly Landmark[], grid: Grid, radiusMm: number): Volume<Uint8Array> {
  const { shape, affine } = grid;
  const data = new Uint8Array(voxelsOf(shape));
  const toVoxel = invert(affine);
  const present = points.flatMap(({ label, position }) => (position ? [{ label, position }] : []));
  for (const point of present) {
    const centre = apply(toVoxel, point.position);
    const reach = spacingOf(transposed(toVoxel)).map((step) => radiusMm * step) as unknown as Vec3;
    const others = present.filter((other) => other !== point);
    const isNearest = (p: Vec3, own: number) =>
      others.every((other) => {
        const theirs = distance2(p, other.position);
        return own < theirs || (own === theirs && present.indexOf(point) < present.indexOf(other));
      });
    let painted = 0;
    forEachVoxelNear(centre, reach, shape, (x, y, z) => {
      const p = apply(affine, [x, y, z]);
      const own = distance2(p, point.position);
      if (own > radiusMm * radiusMm || !isNearest(p, own)) return;
      data[x + shape[0] * (y + shape[1] * z)] = point.label;
      painted += 1;
    });
    if (painted === 0) paintVoxelOf(data, shape, centre, point.label);
  }
  return { shape, affine, data };
}

/**
 * The landmarks of a predicted class map: for every class 1 … `classes` the centroid of its largest connected component
 * (26-connectivity), world (RAS, mm). Null if the class is absent.
 */
export function decodeLandmarks(classMap: Volume, classes: number): readonly Landmark[] {
  const components = connectedComponents(classMap.data, classMap.shape, 26);
  return Array.from({ length: classes }, (_, i) => {
    const largest = largestComponent(components, i + 1);
    return { label: i + 1, position: largest ? apply(classMap.affine, largest.centroid) : null };
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

const distance2 = ([a, b, c]: Vec3, [x, y, z]: Vec3): number => (a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2;

/**
 * The rows as columns, for {@link spacingOf}: it then gives the voxels along each axis that a sphere of 1 mm reaches.
 */
const transposed = ([[a, b, c], [d, e, f], [g, h, i]]: Grid['affine']): Grid['affine'] => [
  [a, d, g, 0],
  [b, e, h, 0],
  [c, f, i, 0],
  [0, 0, 0, 1],
];

function forEachVoxelNear(centre: Vec3, reach: Vec3, shape: Vec3, f: (x: number, y: number, z: number) => void): void {
  const [from, to] = [-1, 1].map((side) =>
    ([0, 1, 2] as const).map((axis) => {
      const edge = centre[axis] + side * reach[axis];
      return side < 0 ? Math.max(0, Math.ceil(edge)) : Math.min(shape[axis] - 1, Math.floor(edge));
    }),
  ) as unknown as readonly [Vec3, Vec3];
  for (let z = from[2]; z <= to[2]; z += 1) {
    for (let y = from[1]; y <= to[1]; y += 1) {
      for (let x = from[0]; x <= to[0]; x += 1) f(x, y, z);
    }
  }
}

function paintVoxelOf(data: Uint8Array, shape: Vec3, centre: Vec3, label: number): void {
  const [x, y, z] = centre.map((index) => Math.floor(index + 0.5)) as unknown as Vec3;
  const inside = [x, y, z].every((index, axis) => index >= 0 && index < (shape[axis] as number));
  const at = x + shape[0] * (y + shape[1] * z);
  if (inside && data[at] === 0) data[at] = label;
}
