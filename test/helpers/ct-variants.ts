import { affineOf, apply } from '../../lib/imaging/affine.ts';
import { reorient } from '../../lib/imaging/reorient.ts';
import { isotropicGrid, resample } from '../../lib/imaging/resample.ts';
import type { Grid, Vec3, Volume } from '../../lib/imaging/volume.ts';
import { normal, seededRandom } from '../../lib/random.ts';

export interface Variant {
  readonly name: string;
  readonly ct: Volume;
}

/** In-plane and slice spacing of reconstructions, mm. */
const SPACINGS = [
  [2.5, 2.5],
  [5, 5],
  [2.5, 10],
] as const;
const ORIENTATIONS = ['LPS', 'PIR'] as const;
/** Share of a side that a smaller field of view loses. */
const TRUNCATED = 0.12;
const NOISE_HU = 40;
const AIR_HU = -1000;

/** One scan as other scanners and exports would have given it: what is found in it must not depend on that. */
export function* variantsOf(ct: Volume): Generator<Variant> {
  yield { name: 'as it is', ct };
  for (const orientation of ORIENTATIONS) yield { name: orientation, ct: reorient(ct, orientation) };
  for (const [pixel, slice] of SPACINGS) {
    for (const shift of [0, 0.5]) {
      const grid = gridOf(ct, pixel, slice, shift);
      yield { name: `${pixel} × ${slice} mm, shifted by ${shift} voxels`, ct: resample(ct, grid, 'linear', AIR_HU) };
    }
  }
  for (const axis of [0, 1, 2] as const) {
    for (const fromStart of [true, false]) {
      yield { name: `truncated at ${fromStart ? 'start' : 'end'} of axis ${axis}`, ct: truncated(ct, axis, fromStart) };
    }
  }
  const random = seededRandom('noise');
  const data = Float32Array.from(ct.data, (hu) => hu + NOISE_HU * normal(random));
  yield { name: `noise of ${NOISE_HU} HU`, ct: { ...ct, data } };
}

function gridOf(ct: Volume, pixel: number, slice: number, shift: number): Grid {
  const { shape, affine } = isotropicGrid(ct, pixel);
  const steps = [pixel, pixel, slice];
  const rows = affine.slice(0, 3).map((row, axis) => {
    const step = steps[axis] as number;
    return [0, 1, 2, 3].map((c) => (c === axis ? step : c === 3 ? (row[3] as number) + shift * step : 0));
  });
  const slices = Math.max(2, Math.round((shape[2] * pixel) / slice));
  return { shape: [shape[0], shape[1], slices], affine: affineOf(rows) };
}

function truncated(ct: Volume, axis: 0 | 1 | 2, fromStart: boolean): Volume {
  const cut = Math.floor(ct.shape[axis] * TRUNCATED);
  const shape = ct.shape.map((side, i) => (i === axis ? side - cut : side)) as unknown as Vec3;
  const first = [0, 1, 2].map((i) => (i === axis && fromStart ? cut : 0)) as unknown as Vec3;
  const origin = apply(ct.affine, first);
  const affine = affineOf(ct.affine.slice(0, 3).map((row, i) => [...row.slice(0, 3), origin[i] as number]));
  return resample(ct, { shape, affine }, 'linear', AIR_HU);
}
