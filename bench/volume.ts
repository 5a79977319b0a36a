import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import { median, significant } from './figures/numbers.ts';
import { runInProcess } from './processes/run-in-process.ts';
import { type CtFile, writeCt } from './volume/ct.ts';
import type { VolumeFigures, VolumeJob } from './volume/volume-process.ts';

export const summary = 'Reading, reorienting and resampling full-size CTs: time relative to plain gunzip, and memory';

const PROCESS = fileURLToPath(new URL('volume/volume-process.ts', import.meta.url));
const REPEATS = Number(process.env.FEDCARDIO_BENCH_REPEATS ?? 5);
const SPACINGS = [1, 3] as const;
const HEART_CROP = 256;

const TIMED: readonly CtFile[] = [
  { name: 'thorax, axial', shape: [512, 512, 256], spacing: [0.78, 0.78, 0.625], order: 'axial' },
  { name: 'thorax, sagittal', shape: [512, 512, 256], spacing: [0.78, 0.78, 0.625], order: 'sagittal' },
  { name: 'heart, axial', shape: [512, 512, 256], spacing: [0.4, 0.4, 0.5], order: 'axial' },
];
const LARGE: CtFile = { name: 'large', shape: [512, 512, 400], spacing: [0.78, 0.78, 1], order: 'axial' };

/**
 * Writes synthetic CTs as int16 .nii.gz. For 512×512×256, times loading, reorientation and resampling, alternating with
 * plain gunzip of the same file in one process, FEDCARDIO_BENCH_REPEATS times. Transforms one CT of 512×512×400 from the
 * file to the networks' grids and back, in a separate process.
 *
 * @returns by CT and spacing: median seconds, and their ratio to gunzip; and peak memory
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-bench-'));
  const path = join(folder, 'ct.nii.gz');
  try {
    const timed: Record<string, unknown> = {};
    const rows: string[][] = [];
    for (const ct of TIMED) {
      const { bytes, unpackedBytes } = writeCt(path, ct);
      for (const spacing of SPACINGS) {
        const { times, peakRssMB } = await measure({
          file: path,
          unpackedBytes,
          spacings: [spacing],
          repeats: REPEATS,
        });
        const [gunzip, load, resample] = (['gunzip', 'load', 'resample'] as const).map((name) =>
          significant(median(times.map((time) => time[name]))),
        ) as [number, number, number];
        const ratio = significant(median(times.map((time) => (time.load + time.resample) / time.gunzip)));
        const fileMB = Math.round(bytes / 1e6);
        timed[`${ct.name}, ${spacing} mm`] = { fileMB, gunzip, load, resample, ratioToGunzip: ratio, peakRssMB };
        rows.push([ct.name, `${spacing}`, ...[fileMB, gunzip, load, resample, ratio, peakRssMB].map(String)]);
      }
    }
    const head = ['512×512×256', 'to mm', 'MB', 'gunzip s', 'load s', 'resample s', '× gunzip', 'RSS MB'];
    console.error(`${table(head, rows).join('\n')}\n`);
    const { unpackedBytes } = writeCt(path, LARGE);
    const job = { file: path, unpackedBytes, spacings: SPACINGS };
    const [whole, cropped] = [await measure(job), await measure({ ...job, heartCrop: HEART_CROP })];
    const large = { spacings: SPACINGS, peakRssMB: whole.peakRssMB, peakRssMBCropped: cropped.peakRssMB };
    console.error(
      `512×512×400 to ${SPACINGS.join(' and ')} mm and back: peak RSS ${whole.peakRssMB} MB, cut to the heart ${cropped.peakRssMB} MB\n`,
    );
    return { timed, large };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const measure = (job: VolumeJob): Promise<VolumeFigures> => runInProcess(PROCESS, job);
