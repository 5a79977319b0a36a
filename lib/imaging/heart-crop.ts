import { affineOf, apply, invert, spacingOf } from './affine.ts';
import { isotropicGrid, resample } from './resample.ts';
import type { Grid, Vec3, Volume } from './volume.ts';

/** Side of the voxels in which the heart is located, mm: smaller than the gap between ribs, larger than the noise. */
const COARSE_MM = 6;
/** Range of blood with contrast, HU. Trabecular bone is in it too, but in smaller amounts than a heart's blood. */
const BLOOD = { low: 150, high: 700 } as const;
/** Range of aerated lung, HU. Air around the patient is below. */
const LUNG = { low: -950, high: -600 } as const;
/** Half the side of the cube that holds a heart, and the distance beside it within which lungs are searched, mm. */
const HEART_MM = 54;
const LUNG_MM = 90;
/**
 * Lowest accepted shares of that cube. A real heart gave 0.5 of blood and 0.3 of lung beside it; a spine alone gives
 * 0.13.
 */
const LEAST_BLOOD = 0.16;
const LEAST_LUNG = 0.12;

/**
 * World position (RAS, mm) of the heart in a contrast CT: the centre of the largest amount of blood between two lungs.
 * It is accurate to a few centimetres, enough for cropping. Null without enough contrast or without a lung on each
 * side.
 */
export function heartCentre(ct: Volume): Vec3 | null {
  const coarse = resample(ct, isotropicGrid(ct, COARSE_MM), 'linear', -1000);
  const radius = Math.round(HEART_MM / COARSE_MM);
  const between = (low: number, high: number) => coarse.data.map((hu) => (hu > low && hu < high ? 1 : 0));
  const isBlood = between(BLOOD.low, BLOOD.high);
  const blood = boxMeans(isBlood, coarse.shape, radius);
  // Two passes of half the width weigh voxels near the centre more. With one pass, every cube that holds the whole
  // heart would score alike.
  const half = Math.ceil(radius / 2);
  const centred = boxMeans(boxMeans(isBlood, coarse.shape, half), coarse.shape, half);
  const lung = boxMeans(between(LUNG.low, LUNG.high), coarse.shape, radius);
  const [nx, ny] = coarse.shape;
  const aside = Math.round(LUNG_MM / COARSE_MM);
  let [best, at] = [0, -1];
  for (let i = 0; i < blood.length; i += 1) {
    const x = i % nx;
    const right = lung[i - Math.min(x, aside)] as number;
    const left = lung[i + Math.min(nx - 1 - x, aside)] as number;
    const lungs = Math.min(right, left);
    if ((blood[i] as number) < LEAST_BLOOD || lungs < LEAST_LUNG) continue;
    const score = (centred[i] as number) * Math.min(lungs, 2 * LEAST_LUNG);
    if (score > best) [best, at] = [score, i];
  }
  return at < 0 ? null : apply(coarse.affine, [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))]);
}

/**
 * The cube of `sideMm` around the heart as a part of an isotropic grid, on the grid's own voxels. An axis that is not
 * longer than that is kept whole. If no heart is found, the whole grid is kept, because half a heart is worse than a
 * large volume.
 */
export function cropToHeart(ct: Volume, grid: Grid, sideMm: number): Grid {
  const side = Math.ceil(sideMm / spacingOf(grid.affine)[0]);
  if (grid.shape.every((voxels) => voxels <= side)) return grid;
  const centre = heartCentre(ct);
  if (!centre) return grid;
  const middle = apply(invert(grid.affine), centre);
  const first = ([0, 1, 2] as const).map((axis) =>
    Math.max(0, Math.min(grid.shape[axis] - side, Math.round(middle[axis] - (side - 1) / 2))),
  ) as unknown as Vec3;
  const origin = apply(grid.affine, first);
  return {
    shape: grid.shape.map((voxels) => Math.min(voxels, side)) as unknown as Vec3,
    affine: affineOf(grid.affine.slice(0, 3).map((row, axis) => [...row.slice(0, 3), origin[axis] as number])),
  };
}

/** Mean over the cube of 2 · `radius` + 1 voxels around every voxel. The outside counts as 0. */
function boxMeans(values: Float32Array, shape: Vec3, radius: number): Float32Array {
  const strides = [1, shape[0], shape[0] * shape[1]];
  let from = values;
  for (const [axis, stride] of strides.entries()) {
    const side = shape[axis] as number;
    const to = new Float32Array(from.length);
    for (let start = 0; start < from.length; start += stride * side) {
      for (let line = start; line < start + stride; line += 1) {
        let sum = 0;
        for (let i = -radius; i < side; i += 1) {
          if (i + radius < side) sum += from[line + (i + radius) * stride] as number;
          if (i - radius - 1 >= 0) sum -= from[line + (i - radius - 1) * stride] as number;
          if (i >= 0) to[line + i * stride] = sum;
        }
      }
    }
    from = to;
  }
  return from.map((sum) => sum / (2 * radius + 1) ** 3);
}
