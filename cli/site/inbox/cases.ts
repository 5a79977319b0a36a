import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { importDicom } from '../../../lib/dicom/import.ts';
import { describeError } from '../../../lib/error.ts';
import { CASE_FOLDERS } from '../../../lib/federation/keys.ts';
import { listCaseFolders } from '../../datasets/case-folders.ts';
import { asHeldOut, type DatasetCase, isImage, type StrayFile } from '../../datasets/dataset.ts';
import { noSeries } from '../no-series.ts';

/** What a folder of an inbox holds. */
export interface Delivery {
  readonly cases: readonly DatasetCase[];
  /** Files beside the folders of cases, and what cannot be read. */
  readonly strays: readonly StrayFile[];
  /** What cannot be used, and why, in plain words. */
  readonly refused: readonly string[];
}

export interface ImportOptions {
  readonly importer: typeof importDicom;
  /** Folder of converted cases, which is emptied first. */
  readonly imports: string;
  readonly pseudonyms: string;
  /** Whether the site's bucket has a CT of a case. */
  readonly isStored: (caseId: string) => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * The cases of a folder: a case folder, several, or the CT series of DICOM files, which are converted.
 *
 * @throws FedcardioError INTERRUPTED, or an outage of the disk
 */
export async function casesOf(folder: string, options: ImportOptions): Promise<Delivery> {
  const { importer, imports, pseudonyms, isStored, signal } = options;
  rmSync(imports, { recursive: true, force: true });
  mkdirSync(imports, { recursive: true });
  if (IMAGES.some((name) => existsSync(join(folder, name)))) {
    // A link, because case folders are read from the folder above.
    symlinkSync(resolve(folder), join(imports, basename(folder)));
    return { ...listCaseFolders(imports), refused: [] };
  }
  const given = listCaseFolders(folder);
  if (given.cases.some(({ files }) => files.some(isImage))) {
    const isHeldOut = basename(folder) === CASE_FOLDERS.evaluation;
    return { ...given, cases: isHeldOut ? asHeldOut(given.cases) : given.cases, refused: [] };
  }
  const found = await importer(folder, imports, { secretDir: pseudonyms, isStored, signal });
  const { series, passedOver } = found;
  const refused = series.flatMap((one) => (one.case === null ? [`${one.series}: ${one.reason} ${one.hint}`] : []));
  if (series.length > 0) return { cases: listCaseFolders(imports).cases, strays: [], refused };
  const others = passedOver.map((one) => `${one.series}: ${one.reason}`);
  return { cases: [], strays: [], refused: [describeError(noSeries(found)), ...others] };
}

const IMAGES = ['image.nii.gz', 'image.nii'];
