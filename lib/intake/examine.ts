import { type ErrorCode, FedcardioError } from '../error.ts';
import type { CaseUse, SiteKey } from '../federation/keys.ts';
import type { CatalogEntry, ImageEntry, LabelEntry } from '../federation/schemas.ts';
import type { TaskId } from '../federation/tasks.ts';
import type { Grid } from '../imaging/volume.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { type Fault, fault, faultOf, isFault } from './faults.ts';
import { type LabelFile, sortFiles } from './files.ts';
import { examineImage } from './image.ts';
import { type ClassCounts, examineClassMap, examineMarkups } from './label.ts';
import { rangesOf } from './ranges.ts';

/** What a case consists of, as far as it is good, and what is wrong with the rest. */
export interface Findings {
  readonly use: CaseUse;
  /** Absent: there is none yet, or a bad one. Then there are no labels either. */
  readonly image?: ImageEntry;
  readonly labels: Readonly<Partial<Record<TaskId, LabelEntry>>>;
  readonly faults: readonly Fault[];
}

/** Reads bytes `start` up to `end`, exclusive, of an object of the site's bucket. */
export type ReadObject = (key: SiteKey, start: number, end: number) => Promise<Uint8Array>;

/** A markups file of a handful of points has a few kilobytes. */
const MOST_MARKUPS_BYTES = 1 << 20;

/**
 * Looks at all objects of a case. What `known` says of an object that has not changed since is taken over; the rest
 * is read once, one after the other, range by range; of a file whose header is refused only the first. Labels wait
 * for the image: they are checked against its grid.
 *
 * @param objects of the case, of either use
 * @param known what the catalog has of the case
 * @throws errors of `read`; never what is wrong with an object: that is a fault
 */
export async function examineCase(
  objects: readonly ObjectInfo<SiteKey>[],
  known: CatalogEntry | undefined,
  read: ReadObject,
): Promise<Findings> {
  const files = sortFiles(objects);
  const { use, image: file } = files;
  const faults = [...files.faults];
  if (!file) return { use, labels: {}, faults };

  const unchanged = isSame(file, known?.image) ? known : undefined;
  const image = unchanged?.image ?? (await catching(file.key, 'BAD_IMAGE', faults, () => imageEntry(file, read)));
  if (!image) return { use, labels: {}, faults };

  const labels: Partial<Record<TaskId, LabelEntry>> = {};
  for (const label of files.labels) {
    const { info, task } = label;
    const used = labels[task];
    if (used) {
      const reason = `The case has two labels of ${task}; ${used.key} is used.`;
      faults.push(fault(info.key, 'BAD_LABEL', reason, 'Remove one of the two.'));
      continue;
    }
    const before = unchanged?.labels[task];
    const entry = isSame(info, before)
      ? before
      : await catching(info.key, 'BAD_LABEL', faults, () => labelEntry(label, image, read));
    if (entry) labels[task] = entry;
  }
  return { use, image, labels, faults };
}

const isSame = (
  info: ObjectInfo<SiteKey>,
  entry: { readonly key: SiteKey; readonly etag: string } | undefined,
): boolean => entry?.key === info.key && entry.etag === info.etag;

/** What `f` returns; where it finds something wrong with the object, nothing, and the fault is noted. */
async function catching<T>(
  key: SiteKey,
  code: ErrorCode,
  faults: Fault[],
  f: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await f();
  } catch (error) {
    if (!isFault(error)) throw error;
    faults.push(faultOf(key, error, code));
    return undefined;
  }
}

async function imageEntry(info: ObjectInfo<SiteKey>, read: ReadObject): Promise<ImageEntry> {
  const { key, etag, bytes } = info;
  return { key, etag, bytes, ...(await examineImage(piecesOf(info, read), bytes)) };
}

async function labelEntry({ info, task, format }: LabelFile, image: ImageEntry, read: ReadObject): Promise<LabelEntry> {
  const { key, etag, bytes } = info;
  const grid = { shape: image.shape, affine: image.affine } as unknown as Grid;
  let classes: ClassCounts;
  if (format === 'class-map') classes = await examineClassMap(piecesOf(info, read), bytes, task, grid);
  else classes = examineMarkups(await textOf(info, read), task, grid);
  return { key, etag, format, classes };
}

async function textOf({ key, bytes }: ObjectInfo<SiteKey>, read: ReadObject): Promise<string> {
  if (bytes > MOST_MARKUPS_BYTES) {
    throw new FedcardioError('BAD_LABEL', `It is too large for a markups file (${bytes} bytes).`, {
      hint: 'Save only the points of this task from 3D Slicer.',
    });
  }
  return Buffer.from(await read(key, 0, bytes)).toString('utf8');
}

const piecesOf = ({ key, bytes }: ObjectInfo<SiteKey>, read: ReadObject): AsyncIterable<Uint8Array> =>
  rangesOf((start, end) => read(key, start, end), bytes);
