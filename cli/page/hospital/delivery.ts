import { mkdirSync, readdirSync } from 'node:fs';
import { type ImportOptions, importDicom } from '../../../lib/dicom/import.ts';
import { FedcardioError } from '../../../lib/error.ts';
import type { CaseUse } from '../../../lib/federation/keys.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import { listCaseFolders } from '../../datasets/case-folders.ts';
import { noSeries } from '../../site/no-series.ts';
import { readSiteFolder, type SiteFolder } from '../../site/site-folder.ts';
import { folderOfCases, type UploadFolder } from './upload-folder.ts';

export interface DeliveryOptions extends Pick<ImportOptions, 'isStored' | 'signal' | 'onProgress'> {
  /** What the cases are for unless their folder says it. */
  readonly use: CaseUse;
  readonly tasks: readonly Task[];
  /** Folder of the secret of the pseudonyms; undefined if the page has none. */
  readonly pseudonyms: string | undefined;
}

/** What a browser has sent, as `site upload` takes it. */
export interface Delivered {
  readonly folder: SiteFolder;
  /** Series of a DICOM export that became no case. */
  readonly refused: readonly string[];
}

/**
 * The cases of an upload: folders of NIfTI files and labels, a data set of nnU-Net, or a DICOM export, which is converted as
 * by `site import`.
 *
 * @throws FedcardioError NO_DATA for a DICOM export without a CT series, and the errors of the disk
 */
export async function readDelivery(
  { given, imports }: UploadFolder,
  { use, tasks, pseudonyms, ...options }: DeliveryOptions,
): Promise<Delivered> {
  const dir = folderOfCases(given);
  if (readdirSync(dir, { recursive: true }).some((name) => /\.(nii|nii\.gz|mrk\.json)$/i.test(String(name)))) {
    return { folder: readSiteFolder(dir, tasks, use === 'evaluation'), refused: [] };
  }
  if (pseudonyms === undefined) {
    throw new FedcardioError('BAD_CONFIGURATION', 'This page has no folder for the pseudonyms of DICOM exports.', {
      hint: 'Start it as `fedcardio page --site <id> --data <dir>`.',
    });
  }
  mkdirSync(imports, { recursive: true });
  const found = await importDicom(dir, imports, { secretDir: pseudonyms, ...options });
  if (found.series.length === 0) throw noSeries(found);
  const refused = found.series.filter((one) => one.case === null);
  return {
    folder: {
      dir: imports,
      tasks: [],
      strays: [],
      cases: listCaseFolders(imports).cases.map((one) => ({ ...one, use })),
    },
    refused: refused.map(({ series, reason, hint }) => `${series}: ${reason} ${hint}`),
  };
}
