import { type ErrorCode, FedcardioError } from '../error.ts';
import type { CaseUse, SiteKey } from '../federation/keys.ts';
import type { CatalogEntry, ImageEntry, LabelEntry } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import type { Grid } from '../imaging/volume.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { unreadableOf } from '../storage/unreadable.ts';
import { type Fault, fault, faultOf, problemOf } from './faults.ts';
import { classifyFiles, type LabelFile } from './files.ts';
import { examineImage } from './image.ts';
import { type ClassCounts, examineClassMap, examineMarkups } from './label.ts';
import { readRanges } from './ranges.ts';

/** The accepted files of a case, and the faults of the others. */
export interface Findings {
  readonly use: CaseUse;
  /** Absent if there is no image yet or it has a fault. Then `labels` is empty too. */
  readonly image?: ImageEntry;
  readonly labels: Readonly<Record<string, LabelEntry>>;
  readonly faults: readonly Fault[];
  /**
   * Why a label could not be read that the storage denies to intake. It is no fault, because the rights of intake may be wrong, and it
   * does not keep the CT out of the catalog.
   */
  readonly denied?: FedcardioError | undefined;
}

/** Reads the bytes from `start` to `end`, exclusive, of an object in the site's bucket. */
type ReadObject = (key: SiteKey, start: number, end: number) => Promise<Uint8Array>;

/** A markups file with a few points has a few kilobytes. */
const MAX_MARKUPS_BYTES = 1 << 20;

/**
 * Examines all objects of a case. Entries of `known` are reused for unchanged objects. The other objects are read
 * once, one after the other, in ranges; if a header is refused, only the first range is read. Labels are examined
 * only if the image is accepted, because they are checked against its grid.
 *
 * @param objects objects in both folders of the case (training and held-out)
 * @param known the case's catalog entry
 * @param tasks the federation's tasks
 * @throws errors of `read`. A problem of an object is not thrown but returned as a fault, a label that may not be read as `denied`.
 */
export async function examineCase(
  objects: readonly ObjectInfo<SiteKey>[],
  known: CatalogEntry | undefined,
  read: ReadObject,
  tasks: readonly Task[],
): Promise<Findings> {
  const files = classifyFiles(objects, tasks);
  const { use, image: file } = files;
  const faults = [...files.faults];
  if (!file) return { use, labels: {}, faults };

  // Earlier releases did not take a fingerprint: their entries are completed when the case is next looked at.
  const unchanged = isSame(file, known?.image) && known?.image.content ? known : undefined;
  const image = unchanged?.image ?? (await collectFault(file.key, 'BAD_IMAGE', faults, () => imageEntry(file, read)));
  if (!image) return { use, labels: {}, faults };

  let denied: FedcardioError | undefined;
  const labels: Record<string, LabelEntry> = {};
  for (const label of files.labels) {
    const { info, task } = label;
    const used = labels[task.id];
    if (used) {
      const reason = `The case has two labels of ${task.id}; ${used.key} is used.`;
      faults.push(fault(info.key, 'BAD_LABEL', reason, 'Remove one of the two.'));
      continue;
    }
    const before = unchanged?.labels[task.id];
    const entry =
      before && isSame(info, before) && isOfTask(before, task)
        ? before
        : await collectFault(info.key, 'BAD_LABEL', faults, () => labelEntry(label, image, read)).catch(
            (error: unknown) => {
              if (unreadableOf(error)?.kind !== 'denied') throw error;
              denied ??= error as FedcardioError;
              return undefined;
            },
          );
    if (entry) labels[task.id] = entry;
  }
  return { use, image, labels, faults, denied };
}

const isSame = (
  info: ObjectInfo<SiteKey>,
  entry: { readonly key: SiteKey; readonly etag: string } | undefined,
): boolean => entry?.key === info.key && entry.etag === info.etag;

/**
 * Whether a label that was accepted says the same of the task as it is now. Not of one with another number of classes, or of another
 * kind. An entry has no names of classes: those that were renamed matter only to points, see {@link examineState}.
 */
function isOfTask({ format, classes: counts }: LabelEntry, { kind, classes }: Task): boolean {
  const found = Object.values(counts);
  if (found.length !== classes.length) return false;
  return kind === 'landmarks' ? found.some((count) => count > 0) : format === 'class-map';
}

/** Calls `f`. If it fails because of the object itself, adds it to `faults` and returns undefined. */
async function collectFault<T>(
  key: SiteKey,
  code: ErrorCode,
  faults: Fault[],
  f: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await f();
  } catch (error) {
    const problem = problemOf(error, code);
    if (!problem) throw error;
    faults.push(faultOf(key, problem, code));
    return undefined;
  }
}

async function imageEntry(info: ObjectInfo<SiteKey>, read: ReadObject): Promise<ImageEntry> {
  const { key, etag, bytes } = info;
  return { key, etag, bytes, ...(await examineImage(readChunks(info, read), bytes)) };
}

async function labelEntry({ info, task, format }: LabelFile, image: ImageEntry, read: ReadObject): Promise<LabelEntry> {
  const { key, etag, bytes } = info;
  const grid = { shape: image.shape, affine: image.affine } as unknown as Grid;
  let classes: ClassCounts;
  if (format === 'class-map') classes = await examineClassMap(readChunks(info, read), bytes, task, grid);
  else classes = examineMarkups(await readText(info, read), task, grid);
  return { key, etag, format, classes };
}

async function readText({ key, bytes }: ObjectInfo<SiteKey>, read: ReadObject): Promise<string> {
  if (bytes > MAX_MARKUPS_BYTES) {
    throw new FedcardioError('BAD_LABEL', `It is too large for a markups file (${bytes} bytes).`, {
      hint: 'Save only the points of this task from 3D Slicer.',
    });
  }
  return Buffer.from(await read(key, 0, bytes)).toString('utf8');
}

const readChunks = ({ key, bytes }: ObjectInfo<SiteKey>, read: ReadObject): AsyncIterable<Uint8Array> =>
  readRanges((start, end) => read(key, start, end), bytes);
