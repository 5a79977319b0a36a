/** Measures the imaging code on one CT. The argument is a {@link VolumeJob} as JSON. Prints its figures as JSON. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CT_INTENSITY } from '../../lib/imaging/intensity.ts';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import { reorient } from '../../lib/imaging/reorient.ts';
import { isotropicGrid, resample } from '../../lib/imaging/resample.ts';
import { resampleClasses } from '../../lib/imaging/resample-classes.ts';
import type { Volume } from '../../lib/imaging/volume.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { prepareImage } from '../../lib/training/cases.ts';

export interface VolumeJob {
  readonly file: string;
  /** Uncompressed bytes of the file, so that plain gunzip allocates its memory at once. */
  readonly unpackedBytes: number;
  /** mm */
  readonly spacings: readonly number[];
  /** See `training.heartCrop`. */
  readonly heartCrop?: number;
  /** Number of timed runs. Undefined to measure the memory of one transformation to the networks' grids and back. */
  readonly repeats?: number;
}

/** Seconds. */
export interface Times {
  readonly gunzip: number;
  readonly load: number;
  readonly resample: number;
}

export interface VolumeFigures {
  readonly times: readonly Times[];
  readonly peakRssMB: number;
}

const job: VolumeJob = JSON.parse(process.argv[2] as string);

function seconds<T>(work: () => T): { readonly value: T; readonly took: number } {
  const started = performance.now();
  const value = work();
  return { value, took: (performance.now() - started) / 1000 };
}

function time(bytes: Uint8Array, spacing: number): Times {
  const gunzip = seconds(() => gunzipSync(bytes, { chunkSize: job.unpackedBytes + 64 }).length).took;
  const load = seconds(() => readNifti(bytes));
  const { took } = seconds(() => onNetworkGrid(load.value, spacing));
  return { gunzip, load: load.took, resample: took };
}

/** Includes reorientation: the grid is right, anterior, superior (RAS). */
const onNetworkGrid = (ct: Volume, spacing: number) => resample(ct, isotropicGrid(ct, spacing), 'linear', -1000);

/** Loads, reorients to RAS, prepares for a network, and resamples a two-class prediction to the CT's grid. */
function thereAndBack(bytes: Uint8Array): void {
  const ct = readNifti(bytes);
  const turned = reorient(ct, 'RAS');
  for (const spacing of job.spacings) {
    const { data, ...grid } = prepareImage(turned, {
      spacing,
      heartCrop: job.heartCrop ?? null,
      intensity: CT_INTENSITY,
    });
    const foreground = data.map((value) => Math.min(1, Math.max(0, value)));
    const classMap = resampleClasses(
      [
        { ...grid, data: foreground.map((share) => 1 - share) },
        { ...grid, data: foreground },
      ],
      ct,
    );
    if (!classMap.data.includes(1)) throw new Error('The prediction was lost on the way back to the grid of the CT.');
  }
}

const bytes = readFileSync(job.file);
const times: Times[] = [];
for (let i = 0; i < (job.repeats ?? 0); i += 1) {
  for (const spacing of job.spacings) times.push(time(bytes, spacing));
}
if (job.repeats === undefined) thereAndBack(bytes);
const figures: VolumeFigures = { times, peakRssMB: Math.round(peakRss() / 1e6) };
console.log(JSON.stringify(figures));
