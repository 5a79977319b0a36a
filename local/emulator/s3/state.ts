import type { Segment } from './blobs.ts';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './checksums.ts';
import { createKeyIndex, type KeyIndex } from './key-index.ts';

/** Metadata of an object. Times are ISO 8601. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: string;
  readonly sequencer: string;
  readonly headers: ObjectHeaders;
  readonly checksum?: Checksum | undefined;
  readonly segments: readonly Segment[];
}

/** Headers such as Content-Type and `x-amz-meta-*`, as sent and returned. */
export type ObjectHeaders = Readonly<Record<string, string>>;

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly checksum?: Checksum | undefined;
  readonly segment: Segment;
}

export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: ObjectHeaders;
  readonly initiatedAt: string;
  /** Whether the key had an object when the upload began. */
  readonly hadObject: boolean;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
}

/** Sends events of these types, for keys with this prefix and suffix, to the queue. */
export interface NotificationRule {
  readonly id: string;
  readonly queueArn: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

/** A change of state, as the journal holds it. */
export type StoreRecord =
  | { readonly op: 'create-bucket'; readonly bucket: string; readonly at: string }
  | { readonly op: 'delete-bucket'; readonly bucket: string }
  | { readonly op: 'notify'; readonly bucket: string; readonly rules: readonly NotificationRule[] }
  | { readonly op: 'put'; readonly bucket: string; readonly object: StoredObject; readonly upload?: string }
  | { readonly op: 'delete'; readonly bucket: string; readonly key: string }
  | { readonly op: 'upload'; readonly upload: Upload }
  | { readonly op: 'part'; readonly upload: string; readonly part: Part }
  | { readonly op: 'abort'; readonly upload: string };

export interface Bucket {
  readonly name: string;
  readonly createdAt: string;
  readonly objects: KeyIndex<StoredObject>;
  rules: readonly NotificationRule[];
}

export interface OpenUpload extends Upload {
  readonly parts: Map<number, Part>;
}

export interface State {
  readonly buckets: Map<string, Bucket>;
  readonly uploads: Map<string, OpenUpload>;
}

/** The state of an empty journal. */
export const emptyState = (): State => ({ buckets: new Map(), uploads: new Map() });

/** Applies a change and returns the segments that are no longer referenced. */
export function apply(state: State, record: StoreRecord): readonly Segment[] {
  switch (record.op) {
    case 'create-bucket': {
      const bucket = { name: record.bucket, createdAt: record.at, objects: createKeyIndex<StoredObject>(), rules: [] };
      state.buckets.set(record.bucket, bucket);
      return [];
    }
    case 'delete-bucket': {
      const uploads = [...state.uploads.values()].filter((upload) => upload.bucket === record.bucket);
      state.buckets.delete(record.bucket);
      return uploads.flatMap((upload) => dropUpload(state, upload.id, []));
    }
    case 'notify':
      bucketOf(state, record.bucket).rules = record.rules;
      return [];
    case 'put': {
      const { objects } = bucketOf(state, record.bucket);
      const replaced = objects.get(record.object.key)?.segments ?? [];
      objects.set(record.object.key, record.object);
      return record.upload ? [...replaced, ...dropUpload(state, record.upload, record.object.segments)] : replaced;
    }
    case 'delete': {
      const { objects } = bucketOf(state, record.bucket);
      const removed = objects.get(record.key)?.segments ?? [];
      objects.delete(record.key);
      return removed;
    }
    case 'upload':
      state.uploads.set(record.upload.id, { ...record.upload, parts: new Map() });
      return [];
    case 'part': {
      const parts = state.uploads.get(record.upload)?.parts;
      const replaced = parts?.get(record.part.number);
      parts?.set(record.part.number, record.part);
      return replaced ? [replaced.segment] : [];
    }
    case 'abort':
      return dropUpload(state, record.upload, []);
  }
}

/** The shortest journal that results in a state. */
export function* recordsOf(state: State): Generator<StoreRecord> {
  for (const bucket of state.buckets.values()) {
    yield { op: 'create-bucket', bucket: bucket.name, at: bucket.createdAt };
    if (bucket.rules.length > 0) yield { op: 'notify', bucket: bucket.name, rules: bucket.rules };
    for (const object of bucket.objects.values()) yield { op: 'put', bucket: bucket.name, object };
  }
  for (const { parts, ...upload } of state.uploads.values()) {
    yield { op: 'upload', upload };
    for (const part of parts.values()) yield { op: 'part', upload: upload.id, part };
  }
}

/** Number of the records of {@link recordsOf}. */
export function countRecords({ buckets, uploads }: State): number {
  let count = 0;
  for (const { objects, rules } of buckets.values()) count += 1 + objects.size + (rules.length > 0 ? 1 : 0);
  for (const { parts } of uploads.values()) count += 1 + parts.size;
  return count;
}

/** Names of all files that a state refers to. */
export function filesOf({ buckets, uploads }: State): ReadonlySet<string> {
  const files = new Set<string>();
  for (const { objects } of buckets.values()) {
    for (const { segments } of objects.values()) for (const { file } of segments) files.add(file);
  }
  for (const { parts } of uploads.values()) for (const { segment } of parts.values()) files.add(segment.file);
  return files;
}

function dropUpload(state: State, id: string, kept: readonly Segment[]): readonly Segment[] {
  const parts = [...(state.uploads.get(id)?.parts.values() ?? [])];
  state.uploads.delete(id);
  const files = new Set(kept.map((segment) => segment.file));
  return parts.map((part) => part.segment).filter((segment) => !files.has(segment.file));
}

function bucketOf(state: State, name: string): Bucket {
  const bucket = state.buckets.get(name);
  if (!bucket) throw new Error(`The journal names a bucket that it did not create: ${name}.`);
  return bucket;
}
