import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { DicomVolume } from '../lib/dicom/inspect.ts';
import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { printable } from '../lib/printable.ts';
import { predictionNames } from './prediction-names.ts';
import { writeWhole } from './write-whole.ts';

export interface DicomRequest {
  /** CTs of the command line: NIfTI files, and folders of DICOM files. */
  readonly cts: readonly string[];
  /** Further folders of DICOM files. */
  readonly dicom: readonly string[];
  /** Heart phase, per cent; by default the one nearest to 75. */
  readonly phase: number | undefined;
  readonly out: string;
  readonly overwrite: boolean;
}

export interface ReadyCts {
  readonly cts: readonly string[];
  readonly failed: readonly { readonly ct: string; readonly reason: string }[];
}

/**
 * Converts folders of DICOM files to `<out>/<name>.nii.gz`, so that the predictions lie beside the CT whose voxels they
 * have. `<name>` is the folder's, preceded by as many of its own folders as it takes to differ from the others, and followed by
 * the number of the series if there are several.
 *
 * @returns all CTs as NIfTI files, and the series that cannot be used
 * @throws NOT_FOUND for a folder that does not exist; BAD_CONFIGURATION if another CT would be replaced, or without a folder to
 *   take a phase from
 */
export async function readyCts({ cts, dicom, phase, out, overwrite }: DicomRequest): Promise<ReadyCts> {
  const isFolder = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const folders = predictionNames([...cts.filter(isFolder), ...dicom]);
  const files = cts.filter((path) => !isFolder(path));
  if (folders.size === 0 && phase !== undefined) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      'Only a DICOM series has heart phases to take one from with --phase.',
      {
        hint: 'Name the folder of its DICOM files, or leave --phase out.',
      },
    );
  }
  if (folders.size === 0) return { cts: files, failed: [] };
  const { inspectDicom } = await import('../lib/dicom/inspect.ts');
  const converted: string[] = [];
  const failed: { readonly ct: string; readonly reason: string }[] = [];
  /** The CT of each file, by its path on a disk that ignores case. */
  const owners = new Map(files.map((file) => [pathOnDisk(file), file]));
  for (const [folder, name] of folders) {
    const { volumes, refused } = await inspectDicom(folder, { phase });
    const labelOf = (series: string) => (volumes.length + refused.length > 1 ? `${folder} (${series})` : folder);
    for (const { series, reason, hint } of refused) failed.push({ ct: labelOf(series), reason: `${reason} ${hint}` });
    if (volumes.length + refused.length === 0) failed.push({ ct: folder, reason: NO_SERIES });
    for (const volume of volumes) {
      const file = join(out, `${nameOf(name, volume, volumes)}.nii.gz`);
      const label = labelOf(volume.series);
      try {
        await convert(volume, label, { file, overwrite, owner: owners.get(pathOnDisk(file)) });
        console.error(printable(`${label}: ${volume.images} slices → ${file}`));
        owners.set(pathOnDisk(file), label);
        converted.push(file);
      } catch (error) {
        if (!isFedcardioError(error, 'BAD_IMAGE')) throw error;
        failed.push({ ct: label, reason: describeError(error) });
      }
    }
  }
  return { cts: [...files, ...converted], failed };
}

const pathOnDisk = (file: string): string => resolve(file).toLowerCase();

const NO_SERIES = 'It holds no CT series. Export the original axial CT images from the PACS as DICOM.';

/** The folder's name, and what tells its series apart. */
function nameOf(name: string, volume: DicomVolume, all: readonly DicomVolume[]): string {
  if (all.length === 1) return name;
  const numberOf = ({ stack }: DicomVolume) => stack.slices[0]?.header.seriesNumber;
  const number = numberOf(volume);
  const isOnly = number !== undefined && all.filter((other) => numberOf(other) === number).length === 1;
  return isOnly ? `${name}-series-${number}` : `${name}-volume-${all.indexOf(volume) + 1}`;
}

interface Target {
  readonly file: string;
  readonly overwrite: boolean;
  /** Another CT of this call with the same file. */
  readonly owner: string | undefined;
}

async function convert(volume: DicomVolume, label: string, { file, overwrite, owner }: Target): Promise<void> {
  const [{ readVolume }, { writeNifti }] = await Promise.all([
    import('../lib/dicom/read-volume.ts'),
    import('../lib/imaging/nifti-write.ts'),
  ]);
  const bytes = writeNifti(await readVolume(volume));
  if (existsSync(file)) {
    if (readFileSync(file).equals(bytes)) return;
    if (owner !== undefined) {
      throw new FedcardioError('BAD_CONFIGURATION', `${label} and ${owner} would have the same file, ${file}.`, {
        hint: 'Predict them in two calls with different --out.',
      });
    }
    if (!overwrite) {
      throw new FedcardioError('BAD_CONFIGURATION', `Another CT would be replaced: ${file}.`, {
        hint: 'Give another folder with --out, or replace it with --overwrite.',
      });
    }
  }
  mkdirSync(dirname(file), { recursive: true });
  writeWhole(file, bytes);
}
