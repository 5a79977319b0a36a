import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { importDicom } from '../../../lib/dicom/import.ts';
import { isFedcardioError } from '../../../lib/error.ts';
import { readCaseFolders } from '../../datasets/case-folders.ts';
import type { DatasetCase } from '../../datasets/dataset.ts';

/** What a folder of an inbox holds. */
export interface Delivery {
  readonly cases: readonly DatasetCase[];
  /** What cannot be used, and why, in plain words. */
  readonly refused: readonly string[];
}

export interface ImportOptions {
  readonly importer: typeof importDicom;
  /** Folder of converted cases, which is emptied first. */
  readonly imports: string;
  readonly pseudonyms: string;
  readonly signal: AbortSignal;
}

/**
 * The cases of a folder: a case folder, several, or the CT series of DICOM files, which are converted.
 *
 * @throws FedcardioError INTERRUPTED, or an outage of the disk
 */
export async function casesOf(folder: string, options: ImportOptions): Promise<Delivery> {
  const { importer, imports, pseudonyms, signal } = options;
  rmSync(imports, { recursive: true, force: true });
  mkdirSync(imports, { recursive: true });
  if (IMAGES.some((name) => existsSync(join(folder, name)))) {
    // A link, because case folders are read from the folder above.
    symlinkSync(resolve(folder), join(imports, basename(folder)));
    return { cases: readCaseFolders(imports).cases, refused: [] };
  }
  const given = caseFolders(folder);
  if (given.length > 0) return { cases: given, refused: [] };
  const { series, passedOver, otherFiles } = await importer(folder, imports, { secretDir: pseudonyms, signal });
  const refused = series.flatMap((one) => (one.case === null ? [`${one.series}: ${one.reason} ${one.hint}`] : []));
  if (series.length === 0) {
    const others = [...passedOver.map((one) => `${one.series}: ${one.reason}`)];
    const files = otherFiles > 0 ? [`${otherFiles} files are neither DICOM nor a case.`] : [];
    return { cases: [], refused: ['The folder holds no CT series.', ...others, ...files] };
  }
  return { cases: caseFolders(imports), refused };
}

const IMAGES = ['image.nii.gz', 'image.nii'];

/** The case folders below a folder; none if no folder there holds an image. */
function caseFolders(folder: string): readonly DatasetCase[] {
  try {
    return readCaseFolders(folder).cases;
  } catch (error) {
    if (isFedcardioError(error, 'BAD_CONFIGURATION')) return [];
    throw error;
  }
}
