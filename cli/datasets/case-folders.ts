import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, isPassedOver } from '../../lib/federation/keys.ts';
import { entriesBelow, entriesOf, type FolderEntry } from '../../lib/folder.ts';
import { groupBy } from '../../lib/group-by.ts';
import { type Dataset, type DatasetFile, isImage, type StrayFile } from './dataset.ts';

/**
 * Reads a folder of cases: `<case>/image.nii.gz` and `<case>/labels/<task>.nii.gz` or `.mrk.json`, as in a site's bucket.
 * The cases may lie in the bucket's folders `cases/` and `held-out/`; those beside them are for training. Every file of a case counts, since intake says what
 * is wrong with it.
 *
 * @throws BAD_CONFIGURATION if no folder holds an image
 */
export function readCaseFolders(dir: string): Dataset {
  const { cases, strays } = listCaseFolders(dir);
  if (cases.some(({ files }) => files.some(isImage))) return { cases, strays, tasks: [] };
  throw new FedcardioError('BAD_CONFIGURATION', `${dir} holds no CT: ${foundIn(visible(dir))}.`, {
    hint: 'Expected <case>/image.nii.gz with <case>/labels/<task>.nii.gz beside it, or a data set of nnU-Net (dataset.json, imagesTr/, labelsTr/). The CT may also be DICOM files in <case>/dicom/.',
  });
}

/** The folders of cases, with and without a CT; beside them, what belongs to no case, and what cannot be read. */
export function listCaseFolders(dir: string): Pick<Dataset, 'cases' | 'strays'> {
  const entries = visible(dir);
  const parts = (Object.entries(CASE_FOLDERS) as [CaseUse, string][])
    .filter(([, folder]) => entries.some(({ name, kind }) => kind === 'folder' && name === folder))
    .map(([use, folder]) => folderOfCases(join(dir, folder), use, `${folder}/`, isHidden));
  const isBeside = (name: string) => isHidden(name) || (parts.length > 0 && BUCKET_FOLDERS.has(name));
  const found = [folderOfCases(dir, 'training', '', isBeside), ...parts];
  return { cases: found.flatMap(({ cases }) => cases), strays: found.flatMap(({ strays }) => strays) };
}

/** Folders of a site's bucket, of which `dir` may be a copy. */
const BUCKET_FOLDERS: ReadonlySet<string> = new Set([
  ...Object.values(CASE_FOLDERS),
  ...['catalog', 'rejected', 'withdrawn', 'sent', 'pseudo-labels', 'predictions', 'rescan', 'content', 'jobs'],
  ...['checkpoints', 'unfinished'],
]);

/** @param prefix of the names of strays */
function folderOfCases(
  dir: string,
  use: CaseUse,
  prefix: string,
  isSkipped: (name: string) => boolean,
): Pick<Dataset, 'cases' | 'strays'> {
  const files: DatasetFile[] = [];
  const strays: StrayFile[] = [];
  for (const entry of entriesBelow(dir, isSkipped)) {
    const { name, path } = entry;
    if (entry.kind === 'unusable') strays.push({ name: `${prefix}${name}`, path, fault: entry.fault });
    else if (name.includes('/')) files.push({ name, path });
    else strays.push({ name: `${prefix}${name}`, path });
  }
  const byCase = groupBy(files, ({ name }) => name.slice(0, name.indexOf('/')));
  const cases = Array.from(byCase, ([id, own]) => ({
    id,
    use,
    files: own.map(({ name, path }) => ({ name: name.slice(id.length + 1), path })),
  }));
  return { cases, strays };
}

const isHidden = (name: string): boolean => name.startsWith('.') || isPassedOver(name);

const visible = (dir: string): readonly FolderEntry[] => entriesOf(dir).filter(({ name }) => !isHidden(name));

function foundIn(entries: readonly FolderEntry[]): string {
  if (entries.length === 0) return 'it is empty';
  const names = entries.slice(0, 3).map(({ name }) => name);
  return `it has ${names.join(', ')}${entries.length > 3 ? ` and ${entries.length - 3} more` : ''}`;
}
