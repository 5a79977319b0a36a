import { column } from './affine.ts';
import { AVERAGE_FROM_STEP, type PlaneWriter } from './interpolation.ts';
import type { Affine, Vec3, Volume, VoxelArray } from './volume.ts';

/** Nearest-neighbour resampling for grids that are rotated or sheared against each other. See `resample`. */
export function nearestOblique(volume: Volume, toSource: Affine, shape: Vec3, fill: number): VoxelArray {
  const [nx, ny, nz] = shape;
  const out = new (volume.data.constructor as new (length: number) => VoxelArray)(nx * ny * nz);
  const sample = nearestIn(volume.shape, volume.data);
  for (let z = 0; z < nz; z += 1) {
    visit(volume, toSource, shape, z, fill, out.subarray(nx * ny * z, nx * ny * (z + 1)), sample);
  }
  return out;
}

/** Trilinear resampling for such grids, from the stored values. Averages if voxels grow. See `resample`. */
export function linearOblique(volume: Volume, toSource: Affine, shape: Vec3, fill: number): PlaneWriter {
  const offsets = new Float64Array(averagingOffsets(toSource).flat());
  return (z, target) => interpolate(volume, toSource, offsets, shape, z, fill, target);
}

type Sampler = (x: number, y: number, z: number) => number;

function visit(
  source: Volume,
  m: Affine,
  [nx, ny]: Vec3,
  k: number,
  fill: number,
  out: VoxelArray,
  sample: Sampler,
): void {
  const [right, back, top] = source.shape.map((side) => side - 0.5) as unknown as Vec3;
  let to = 0;
  for (let j = 0; j < ny; j += 1) {
    for (let i = 0; i < nx; i += 1) {
      const x = m[0][0] * i + m[0][1] * j + m[0][2] * k + m[0][3];
      const y = m[1][0] * i + m[1][1] * j + m[1][2] * k + m[1][3];
      const z = m[2][0] * i + m[2][1] * j + m[2][2] * k + m[2][3];
      const inside = x >= -0.5 && y >= -0.5 && z >= -0.5 && x <= right && y <= back && z <= top;
      out[to] = inside ? sample(x, y, z) : fill;
      to += 1;
    }
  }
}

const clamp = (value: number, last: number): number => (value < 0 ? 0 : value > last ? last : value);

function nearestIn([nx, ny, nz]: Vec3, data: VoxelArray): Sampler {
  return (x, y, z) => {
    const i = clamp(Math.floor(x + 0.5), nx - 1);
    const j = clamp(Math.floor(y + 0.5), ny - 1);
    const k = clamp(Math.floor(z + 0.5), nz - 1);
    return data[i + nx * (j + ny * k)] as number;
  };
}

/**
 * Mean over the offsets of the trilinear values of one plane. Positions beyond the outermost voxel centres are moved to
 * them. It is one loop, because a function for each sample would allocate the number that it returns.
 */
function interpolate(
  { shape: [sx, sy, sz], data }: Volume,
  m: Affine,
  offsets: Float64Array,
  [nx, ny]: Vec3,
  plane: number,
  fill: number,
  out: VoxelArray,
): void {
  const count = offsets.length / 3;
  let to = 0;
  for (let row = 0; row < ny; row += 1) {
    for (let at = 0; at < nx; at += 1, to += 1) {
      const cx = m[0][0] * at + m[0][1] * row + m[0][2] * plane + m[0][3];
      const cy = m[1][0] * at + m[1][1] * row + m[1][2] * plane + m[1][3];
      const cz = m[2][0] * at + m[2][1] * row + m[2][2] * plane + m[2][3];
      if (!(cx >= -0.5 && cy >= -0.5 && cz >= -0.5 && cx <= sx - 0.5 && cy <= sy - 0.5 && cz <= sz - 0.5)) {
        out[to] = fill;
        continue;
      }
      let sum = 0;
      for (let o = 0; o < offsets.length; o += 3) {
        const x = clamp(cx + (offsets[o] as number), sx - 1);
        const y = clamp(cy + (offsets[o + 1] as number), sy - 1);
        const z = clamp(cz + (offsets[o + 2] as number), sz - 1);
        const [i, j, k] = [x | 0, y | 0, z | 0];
        const [u, v, w] = [x - i, y - j, z - k];
        const a = i + sx * (j + sy * k);
        const dx = i + 1 < sx ? 1 : 0;
        const b = a + (j + 1 < sy ? sx : 0);
        const up = k + 1 < sz ? sx * sy : 0;
        const near =
          (1 - v) * ((1 - u) * (data[a] as number) + u * (data[a + dx] as number)) +
          v * ((1 - u) * (data[b] as number) + u * (data[b + dx] as number));
        if (w === 0) {
          sum += near;
          continue;
        }
        const far =
          (1 - v) * ((1 - u) * (data[a + up] as number) + u * (data[a + up + dx] as number)) +
          v * ((1 - u) * (data[b + up] as number) + u * (data[b + up + dx] as number));
        sum += (1 - w) * near + w * far;
      }
      out[to] = sum / count;
    }
  }
}

/**
 * Offsets, in source voxels, of the points that are averaged for one target voxel: a regular pattern inside it, along
 * each axis one point per source voxel of its length, or one point if the axis is too short to average.
 */
function averagingOffsets(toSource: Affine): readonly Vec3[] {
  const along = ([0, 1, 2] as const).map((axis) => {
    const step = column(toSource, axis);
    const length = Math.hypot(...step);
    const count = length >= AVERAGE_FROM_STEP ? Math.ceil(length) : 1;
    return Array.from({ length: count }, (_, i) => {
      const part = (i + 0.5) / count - 0.5;
      return step.map((s) => s * part) as unknown as Vec3;
    });
  });
  const [xs = [], ys = [], zs = []] = along;
  return zs.flatMap((c) =>
    ys.flatMap((b) => xs.map((a) => [a[0] + b[0] + c[0], a[1] + b[1] + c[1], a[2] + b[2] + c[2]] as const)),
  );
}
