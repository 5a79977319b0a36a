import { stat } from 'node:fs/promises';
import { collect, mapConcurrently } from '../../lib/async.ts';
import { systemError } from '../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, parseCaseKey, type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import type { ObjectInfo, SiteStore } from '../../lib/storage/contract.ts';
import type { DatasetCase, DatasetFile } from '../datasets/dataset.ts';
import { patientsOnBothSides } from '../datasets/split.ts';
import { etagOf, keyOf } from '../upload-file.ts';
import { isStorable } from './storable-files.ts';
import type { UploadRecord } from './upload-record.ts';

/** A file that is not stored yet, or in another version. */
export interface PendingFile {
  readonly key: SiteKey;
  readonly file: DatasetFile;
  readonly bytes: number;
  /** Time of its last change, ms. */
  readonly changed: number;
}

export interface UploadPlan {
  /** Cases with something to upload, and those of which nothing can be uploaded, such as folders of DICOM slices. */
  readonly cases: readonly { readonly one: DatasetCase; readonly pending: readonly PendingFile[] }[];
  /** Files that are stored with the same content. */
  readonly stored: number;
  /** Cases that are stored on the other side, training or held out: an upload would move them. No part of `cases`. */
  readonly elsewhere: readonly DatasetCase[];
  /** Patients with cases on both sides, stored or to be uploaded, by the names that `site import` gives. */
  readonly divided: ReadonlySet<string>;
}

const STATS_AT_ONCE = 16;

/**
 * The objects of cases of a site by key, from both sides: one request for each 1,000.
 *
 * @param start of the cases' names; by default, of all
 */
export async function listCases(
  store: Pick<SiteStore, 'list'>,
  start = '',
): Promise<ReadonlyMap<SiteKey, ObjectInfo<SiteKey>>> {
  const folders = Object.values(CASE_FOLDERS).map((folder) => collect(store.list(siteKeys.casePrefix(folder, start))));
  return new Map((await Promise.all(folders)).flat().map((info) => [info.key, info]));
}

/**
 * Compares the images and labels of cases with what is stored. A file that the record knows is not read if neither it nor
 * its object has changed; otherwise, one of the same size is read and its ETag compared. Other files of a case are no part of
 * an upload.
 */
export async function planUpload(
  store: Pick<SiteStore, 'bucket' | 'list'>,
  given: readonly DatasetCase[],
  record: UploadRecord,
  signal: AbortSignal,
): Promise<UploadPlan> {
  const objects = await listCases(store);
  const isMisplaced = misplacedIn(objects.keys());
  const elsewhere = given.filter(isMisplaced);
  const cases = given.filter((one) => !isMisplaced(one));
  const files = cases.flatMap((one) =>
    one.files.filter((file) => isStorable(one, file)).map((file) => ({ one, file })),
  );
  const compared = await mapConcurrently(files, STATS_AT_ONCE, async ({ one, file }) => {
    signal.throwIfAborted();
    const key = keyOf(one, file);
    const { size: bytes, mtimeMs: changed } = await stat(file.path).catch((error: unknown) => {
      throw systemError(error, file.path) ?? error;
    });
    const pending = { key, file, bytes, changed };
    return { one, pending, isStored: await isStored(store.bucket, pending, objects.get(key), record, signal) };
  });
  const useless = cases.filter((one) => !one.files.some((file) => isStorable(one, file)));
  const byCase = new Map<DatasetCase, PendingFile[]>(useless.map((one) => [one, []]));
  for (const { one, pending, isStored } of compared) {
    if (!isStored) byCase.set(one, [...(byCase.get(one) ?? []), pending]);
  }
  return {
    cases: [...byCase].map(([one, pending]) => ({ one, pending: pending.toSorted(imagesFirst) })),
    stored: compared.filter(({ isStored }) => isStored).length,
    elsewhere,
    divided: new Set(patientsOnBothSides([...storedCases(objects.keys()), ...cases])),
  };
}

const storedCases = (keys: Iterable<SiteKey>) =>
  [...keys].flatMap((key) => {
    const parsed = parseCaseKey(key);
    return parsed ? [{ id: parsed.caseId, use: parsed.use }] : [];
  });

/**
 * Tells a case of which the other side holds more than its own, where a CT is more than any other file. A case that both
 * sides hold alike stays where it is: intake says what is wrong.
 */
export function misplacedIn(keys: Iterable<SiteKey>): (one: DatasetCase) => boolean {
  const held = { training: new Map<string, number>(), evaluation: new Map<string, number>() };
  for (const key of keys) {
    const parsed = parseCaseKey(key);
    if (!parsed) continue;
    const side = held[parsed.use];
    side.set(parsed.caseId, Math.max(side.get(parsed.caseId) ?? 0, parsed.part.kind === 'image' ? 2 : 1));
  }
  const of = (use: CaseUse, id: string) => held[use].get(id) ?? 0;
  return ({ use, id }) => of(otherSide(use), id) > of(use, id);
}

/** Why a case is not uploaded that the other side holds. */
export const elsewhereReason = ({ use }: DatasetCase): string =>
  `The case is uploaded ${otherSide(use) === 'training' ? 'for training' : 'as held out'} already.`;

export const otherSide = (use: CaseUse): CaseUse => (use === 'training' ? 'evaluation' : 'training');

/** Labels wait for their CT. */
const imagesFirst = (a: PendingFile, b: PendingFile): number => rank(a) - rank(b);
const rank = ({ key }: PendingFile): number => (parseCaseKey(key)?.part.kind === 'image' ? 0 : 1);

async function isStored(
  bucket: string,
  { key, file, bytes, changed }: PendingFile,
  object: ObjectInfo<SiteKey> | undefined,
  record: UploadRecord,
  signal: AbortSignal,
): Promise<boolean> {
  if (object?.bytes !== bytes) return false;
  const known = record.find(bucket, key);
  if (known?.etag === object.etag && known.bytes === bytes && known.changed === changed) return true;
  if ((await etagOf(file.path, signal)) !== object.etag) return false;
  record.add({ bucket, key, bytes, changed, etag: object.etag });
  return true;
}
