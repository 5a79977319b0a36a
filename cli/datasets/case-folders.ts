import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, isPassedOver } from '../../lib/federation/keys.ts';
import { type Dataset, type DatasetCase, type DatasetFile, isImage } from './dataset.ts';

/**
 * Reads a folder of cases: `<case>/image.nii.gz` and `<case>/labels/<task>.nii.gz` or `.mrk.json`, as in a site's bucket.
 * The cases may lie in the bucket's folders `cases/` and `held-out/`; those beside them are for training. Every file of a case counts, since intake says what
 * is wrong with it.
 *
 * @throws BAD_CONFIGURATION if no folder holds an image
 */
export function readCaseFolders(dir: string): Dataset {
  const { cases } = listCaseFolders(dir);
  if (cases.some(({ files }) => files.some(isImage))) return { cases, tasks: [] };
  throw new FedcardioError('BAD_CONFIGURATION', `${dir} holds no CT: ${foundIn(visible(dir))}.`, {
    hint: 'Expected <case>/image.nii.gz with <case>/labels/<task>.nii.gz beside it, or a data set of nnU-Net (dataset.json, imagesTr/, labelsTr/). The CT may also be DICOM files in <case>/dicom/.',
  });
}

/** The folders of cases, with and without a CT, and the files beside them, which belong to no case. */
export function listCaseFolders(dir: string): Pick<Dataset, 'cases'> & { readonly strays: readonly DatasetFile[] } {
  const entries = visible(dir);
  const folders = (Object.entries(CASE_FOLDERS) as [CaseUse, string][]).filter(([, folder]) =>
    entries.some(({ name, isFolder }) => isFolder && name === folder),
  );
  const parts = folders.map(([use, folder]) => ({ use, dir: join(dir, folder) }));
  const isBeside = parts.length > 0 ? ({ id }: DatasetCase) => !BUCKET_FOLDERS.has(id) : () => true;
  return {
    cases: [...casesIn(dir, 'training').filter(isBeside), ...parts.flatMap((part) => casesIn(part.dir, part.use))],
    strays: [dir, ...parts.map((part) => part.dir)].flatMap(strayFiles),
  };
}

/** Folders of a site's bucket, of which `dir` may be a copy. */
const BUCKET_FOLDERS: ReadonlySet<string> = new Set([
  ...Object.values(CASE_FOLDERS),
  ...['catalog', 'rejected', 'withdrawn', 'sent', 'pseudo-labels', 'predictions', 'rescan', 'content', 'jobs'],
  ...['checkpoints', 'unfinished'],
]);

const strayFiles = (dir: string): readonly DatasetFile[] =>
  visible(dir).flatMap(({ name, isFolder }) => (isFolder ? [] : [{ name, path: join(dir, name) }]));

const casesIn = (dir: string, use: CaseUse): readonly DatasetCase[] =>
  visible(dir)
    .filter(({ isFolder }) => isFolder)
    .map(({ name: id }) => ({ id, use, files: filesIn(join(dir, id), '') }))
    .filter(({ files }) => files.length > 0);

/** The files of a case and of its folders, sorted by name. */
const filesIn = (dir: string, prefix: string): readonly DatasetFile[] =>
  visible(dir).flatMap((entry) => {
    const path = join(dir, entry.name);
    const name = `${prefix}${entry.name}`;
    return entry.isFolder ? filesIn(path, `${name}/`) : [{ name, path }];
  });

interface Entry {
  readonly name: string;
  readonly isFolder: boolean;
}

/** Links count as what they point to. */
const visible = (dir: string): readonly Entry[] =>
  readdirSync(dir)
    .filter((name) => !isPassedOver(name) && !name.startsWith('.'))
    .sort()
    .map((name) => ({ name, isFolder: statSync(join(dir, name), { throwIfNoEntry: false })?.isDirectory() ?? false }));

function foundIn(entries: readonly Entry[]): string {
  if (entries.length === 0) return 'it is empty';
  const names = entries.slice(0, 3).map(({ name }) => name);
  return `it has ${names.join(', ')}${entries.length > 3 ? ` and ${entries.length - 3} more` : ''}`;
}
