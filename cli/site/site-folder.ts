import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { listCaseFolders } from '../datasets/case-folders.ts';
import { asHeldOut, type Dataset } from '../datasets/dataset.ts';
import { readNnunet } from '../datasets/nnunet.ts';
import { isNnunet, requireFolder } from '../datasets/read-dataset.ts';

/** A folder that a hospital is about to upload. */
export interface SiteFolder extends Dataset {
  readonly dir: string;
}

/**
 * Reads the layout of a folder of cases, or of a data set of nnU-Net. Unlike `train`, it takes a folder without any CT: the
 * check says what its files are.
 *
 * @param isHeldOut whether all of its cases are held out, whatever the folder says
 * @throws BAD_CONFIGURATION if there is no such folder, it is empty, or it is the folder of one case
 */
export function readSiteFolder(dir: string, tasks: readonly Task[], isHeldOut = false): SiteFolder {
  const folder = layoutOf(dir, tasks);
  return isHeldOut ? { ...folder, cases: asHeldOut(folder.cases) } : folder;
}

function layoutOf(dir: string, tasks: readonly Task[]): SiteFolder {
  requireFolder(dir);
  if (isNnunet(dir)) return { dir, ...readNnunet(dir, tasks) };
  if (['image.nii.gz', 'image.nii'].some((name) => existsSync(join(dir, name)))) {
    throw new FedcardioError('BAD_CONFIGURATION', `${dir} is the folder of one case.`, {
      hint: 'Give the folder that holds the folders of cases: the one above it.',
    });
  }
  const { cases, strays } = listCaseFolders(dir);
  if (cases.length + strays.length > 0) return { dir, cases, strays, tasks: [] };
  throw new FedcardioError('BAD_CONFIGURATION', `${dir} holds no files.`, {
    hint: 'Expected <case>/image.nii.gz with <case>/labels/<task>.nii.gz beside it.',
  });
}
