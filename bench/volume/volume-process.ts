/** One CT through the imaging code in this process. The argument is a {@link Task} as JSON. Prints its figures as JSON. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import { reorient } from '../../lib/imaging/reorient.ts';
import { isotropicGrid, resample } from '../../lib/imaging/resample.ts';
import { resampleClasses } from '../../lib/imaging/resample-classes.ts';
import type { Volume } from '../../lib/imaging/volume.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { prepareImage } from '../../lib/training/cases.ts';

export interface Task {
  readonly file: string;
  /** Bytes of the file, gunzipped: plain gunzip is given the right memory at once. */
  readonly unpackedBytes: number;
  /** mm */
  readonly spacings: readonly number[];
  /** See `training.heartCrop`. */
  readonly heartCrop?: number;
  /** How often to time. Without it, the way there and back is taken once, for its memory. */
  readonly repeats?: number;
}

/** Seconds. */
export interface Times {
  readonly gunzip: number;
  readonly load: number;
  readonly resample: number;
}

export interface TaskFigures {
  readonly times: readonly Times[];
  readonly peakRssMB: number;
}

const task: Task = JSON.parse(process.argv[2] as string);

function seconds<T>(work: () => T): { readonly value: T; readonly took: number } {
  const started = performance.now();
  const value = work();
  return { value, took: (performance.now() - started) / 1000 };
}

function time(bytes: Uint8Array, spacing: number): Times {
  const gunzip = seconds(() => gunzipSync(bytes, { chunkSize: task.unpackedBytes + 64 }).length).took;
  const load = seconds(() => readNifti(bytes));
  const { took } = seconds(() => onNetworkGrid(load.value, spacing));
  return { gunzip, load: load.took, resample: took };
}

/** Orientation is part of it: the grid runs along right, anterior and superior. */
const onNetworkGrid = (ct: Volume, spacing: number) => resample(ct, isotropicGrid(ct, spacing), 'linear', -1000);

/** Loads, turns to RAS, prepares as for a network, and brings a two-class prediction back to the CT's own grid. */
function thereAndBack(bytes: Uint8Array): void {
  const ct = readNifti(bytes);
  const turned = reorient(ct, 'RAS');
  for (const spacing of task.spacings) {
    const { data, ...grid } = prepareImage(turned, { spacing, heartCrop: task.heartCrop ?? null });
    const foreground = data.map((value) => Math.min(1, Math.max(0, value)));
    const classMap = resampleClasses(
      [
        { ...grid, data: foreground.map((share) => 1 - share) },
        { ...grid, data: foreground },
      ],
      ct,
    );
    if (!classMap.data.includes(1)) throw new Error('The way back lost what was found.');
  }
}

const bytes = readFileSync(task.file);
const times: Times[] = [];
for (let i = 0; i < (task.repeats ?? 0); i += 1) {
  for (const spacing of task.spacings) times.push(time(bytes, spacing));
}
if (task.repeats === undefined) thereAndBack(bytes);
const figures: TaskFigures = { times, peakRssMB: Math.round(peakRss() / 1e6) };
console.log(JSON.stringify(figures));
