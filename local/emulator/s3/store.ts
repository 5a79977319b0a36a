import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openJournal } from '../journal.ts';
import { type Blobs, openBlobs, WRITE_BYTES } from './blobs.ts';
import { S3Error } from './error.ts';
import { createHashThread, type HashThread } from './hash-thread.ts';
import {
  apply,
  type Bucket,
  countRecords,
  emptyState,
  filesOf,
  type OpenUpload,
  recordsOf,
  type StoreRecord,
} from './state.ts';

/** Buckets, objects and uploads. Bodies are in files, everything else in memory and in a journal. */
export interface Store {
  readonly blobs: Blobs;
  readonly hashes: HashThread;
  readonly now: () => Date;
  buckets(): readonly Bucket[];
  hasBucket(name: string): boolean;
  /** @throws S3Error NoSuchBucket */
  bucket(name: string): Bucket;
  /** @throws S3Error NoSuchUpload */
  upload(id: string, bucket: string, key: string): OpenUpload;
  /**
   * Makes a change durable and visible. Synchronous, so a condition that was checked directly before still holds.
   * Replaced files are removed later.
   */
  commit(record: StoreRecord): void;
  /** Text of fixed length that grows with every event of the store. */
  nextSequencer(): string;
  newId(): string;
  close(): void;
}

/** Uploads that began longer ago are aborted at a start. On AWS, the buckets' lifecycle does it after as many days. */
const UNFINISHED_UPLOAD_MS = 7 * 24 * 3600 * 1000;

/** Opens the store in a directory, as the last process left it, even if it crashed. */
export async function openStore(directory: string, now: () => Date): Promise<Store> {
  await mkdir(directory, { recursive: true });
  const blobs = await openBlobs(join(directory, 'bodies'));
  const state = emptyState();
  const journal = openJournal<StoreRecord>(join(directory, 'journal.jsonl'), (record) => apply(state, record));
  journal.compactBy(() => recordsOf(state), countRecords(state));
  const oldest = new Date(now().getTime() - UNFINISHED_UPLOAD_MS).toISOString();
  for (const { id } of [...state.uploads.values()].filter(({ initiatedAt }) => initiatedAt < oldest)) {
    const abort = { op: 'abort', upload: id } as const;
    journal.append(abort);
    apply(state, abort);
  }
  await blobs.keepOnly(filesOf(state));

  const hashes = createHashThread(WRITE_BYTES);
  let lastTick = 0;
  return {
    blobs,
    hashes,
    now,
    buckets: () => [...state.buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    hasBucket: (name) => state.buckets.has(name),
    bucket(name) {
      const bucket = state.buckets.get(name);
      if (!bucket) throw new S3Error('NoSuchBucket');
      return bucket;
    },
    upload(id, bucket, key) {
      const upload = state.uploads.get(id);
      if (!upload || upload.bucket !== bucket || upload.key !== key) throw new S3Error('NoSuchUpload');
      return upload;
    },
    commit(record) {
      journal.append(record);
      void blobs.remove(apply(state, record)).catch(() => undefined);
    },
    nextSequencer() {
      // Microseconds keep events of one millisecond distinct and in order, also after a restart.
      lastTick = Math.max(lastTick + 1, now().getTime() * 1000);
      return lastTick.toString(16).toUpperCase().padStart(16, '0');
    },
    newId: () => randomUUID().replaceAll('-', ''),
    close() {
      hashes.close();
      journal.close();
    },
  };
}
