import { apply } from './affine.ts';
import { isotropicGrid, resample } from './resample.ts';
import type { Vec3, Volume } from './volume.ts';

/** What speaks for a heart in a CT. */
export interface HeartEvidence {
  /** World position (RAS, mm) of the centre of the thick blood. */
  readonly centre: Vec3;
  /** Thick blood in the cube around the centre, ml. See {@link heartEvidence}. */
  readonly bloodMl: number;
  /** Lung beside that cube, ml: on the side with less. */
  readonly lungMl: number;
  /** Share of all thick blood between the lungs that lies in the cube of twice its side. */
  readonly share: number;
}

/** Side of the voxels in which the heart is located, mm: two fit into a vertebral disc, and noise is averaged. */
const COARSE_MM = 4;
/** Range of blood with contrast, HU. Liver, muscle and blood without contrast are below, cortical bone is above. */
const BLOOD = { low: 150, high: 700 } as const;
/** Range of aerated lung, HU. Air around the patient and padding are below, fat is above. */
const LUNG = { low: -950, high: -500 } as const;
/** Half the side and least share of lung of a cube within a lung, mm: skin, bowel and padding have thin layers of its HU. */
const AERATED = { mm: 4, share: 0.9 } as const;
/**
 * Half the side and least share of blood of a cube within the heart, mm. It is wider than healthy vessels and bones
 * between the lungs. The rest is for walls, valves and leads.
 */
const THICK = { mm: 16, share: 0.8 } as const;
/** Half the side of the cube that holds the chambers, mm. */
const HEART_MM = 54;
/** Largest distance from lung to lung across the heart, mm. */
const MEDIASTINUM_MM = 180;

/**
 * Finds the place between two lungs with the most thick blood: blood that fills most of a cube of 36 mm.
 * Trabecular bone has the HU of blood, but vertebrae are divided by discs, and the other bones between the lungs are
 * thin. Null if there is no thick blood between lungs, or if the CT is smaller than a heart along some axis.
 */
export function heartEvidence(ct: Volume): HeartEvidence | null {
  const grid = isotropicGrid(ct, COARSE_MM);
  if (Math.min(...grid.shape) < 2 * voxels(HEART_MM)) return null;
  const { data, shape, affine } = resample(ct, grid, 'linear', -1000);
  const within = ({ low, high }: { readonly low: number; readonly high: number }) =>
    data.map((hu) => (hu > low && hu < high ? 1 : 0));
  const filled = (values: Float32Array, { mm, share }: { readonly mm: number; readonly share: number }) =>
    boxMeans(values, shape, voxels(mm)).map((mean) => (mean > share ? 1 : 0));
  const lung = filled(within(LUNG), AERATED);
  const mediastinum = betweenLungs(lung, shape);
  const thick = filled(within(BLOOD), THICK).map((value, i) => value * (mediastinum[i] as number));
  // Two passes weigh the middle more. With one, every cube that holds the whole heart would score alike.
  const half = voxels(HEART_MM / 2);
  const density = boxMeans(boxMeans(thick, shape, half), shape, half);
  const peak = density.reduce((best, value, i) => (value > (density[best] as number) ? i : best), 0);
  const at = indicesOf(peak, shape);

  const heart = countAround(thick, shape, at, voxels(HEART_MM));
  if (heart.count === 0) return null;
  const near = countAround(thick, shape, at, voxels(2 * HEART_MM)).count;
  const lungs = countAround(lung, shape, at, voxels(2 * HEART_MM));
  const millilitres = COARSE_MM ** 3 / 1000;
  return {
    centre: apply(affine, heart.mean),
    bloodMl: heart.count * millilitres,
    lungMl: Math.min(lungs.lowX, lungs.count - lungs.lowX) * millilitres,
    share: near / thick.reduce((sum, value) => sum + value, 0),
  };
}

const voxels = (mm: number): number => Math.round(mm / COARSE_MM);

const indicesOf = (i: number, [nx, ny]: Vec3): Vec3 => [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];

/** 1 for each voxel with lung on both sides in its row, if the lungs are close enough to each other there. */
function betweenLungs(lung: Float32Array, [nx]: Vec3): Float32Array {
  const between = new Float32Array(lung.length);
  for (let start = 0; start < lung.length; start += nx) {
    let last = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + nx; i += 1) {
      if (!lung[i]) continue;
      if (i - last <= voxels(MEDIASTINUM_MM)) between.fill(1, last + 1, i);
      last = i;
    }
  }
  return between;
}

/** The set voxels in the cube of 2 · `radius` + 1 voxels around `at`, those with a lower x, and their mean index. */
function countAround(values: Float32Array, shape: Vec3, at: Vec3, radius: number) {
  const from = at.map((index) => Math.max(0, index - radius)) as unknown as Vec3;
  const to = at.map((index, axis) => Math.min((shape[axis] as number) - 1, index + radius)) as unknown as Vec3;
  let [count, lowX, sumX, sumY, sumZ] = [0, 0, 0, 0, 0];
  for (let z = from[2]; z <= to[2]; z += 1) {
    for (let y = from[1]; y <= to[1]; y += 1) {
      for (let x = from[0]; x <= to[0]; x += 1) {
        if (!values[x + shape[0] * (y + shape[1] * z)]) continue;
        count += 1;
        if (x < at[0]) lowX += 1;
        sumX += x;
        sumY += y;
        sumZ += z;
      }
    }
  }
  return { count, lowX, mean: [sumX / count, sumY / count, sumZ / count] as Vec3 };
}

/** Mean over the part of the cube of 2 · `radius` + 1 voxels around every voxel that lies in the volume. */
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
          const inside = Math.min(side, i + radius + 1) - Math.max(0, i - radius);
          if (i >= 0) to[line + i * stride] = sum / inside;
        }
      }
    }
    from = to;
  }
  return from;
}
