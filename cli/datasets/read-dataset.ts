import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { readCaseFolders } from './case-folders.ts';
import type { Dataset } from './dataset.ts';
import { readNnunet } from './nnunet.ts';

/**
 * Reads the layout of a folder of CTs: folders of cases, or nnU-Net's `imagesTr`, `labelsTr` and `dataset.json`.
 *
 * @param tasks the known tasks
 * @throws BAD_CONFIGURATION if the folder has neither layout, with what was found and what is expected
 */
export function readDataset(dir: string, tasks: readonly Task[]): Dataset {
  requireFolder(dir);
  return isNnunet(dir) ? readNnunet(dir, tasks) : readCaseFolders(dir);
}

/** Whether a folder is a data set of nnU-Net. */
export const isNnunet = (dir: string): boolean => existsSync(join(dir, 'dataset.json'));

/** @throws BAD_CONFIGURATION if there is no such folder */
export function requireFolder(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new FedcardioError('BAD_CONFIGURATION', `There is no folder ${dir}.`, { hint: 'Check the path.' });
}
