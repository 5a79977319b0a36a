import type { Readable } from 'node:stream';
import type { FederationKey, SiteKey } from '../federation/keys.ts';

/** The interfaces of object storage and queues. lib/aws implements both with the AWS SDK. */

export interface ObjectInfo<K extends string = string> {
  readonly key: K;
  readonly bytes: number;
  /** With its quotes, as S3 returns it. */
  readonly etag: string;
  readonly lastModified: Date;
}

/**
 * A version of an object, or a delete marker, which hides the versions behind it. In a bucket without versioning, every
 * object has the one version "null".
 */
export interface ObjectVersion<K extends string = string> {
  readonly key: K;
  readonly version: string;
  /** 0 for a delete marker. */
  readonly bytes: number;
  readonly isLatest: boolean;
  readonly isMarker: boolean;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface PutOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** `'*'`: write only if no object has the key. */
  readonly ifNoneMatch?: '*';
  /** Write only if the stored version has this ETag. */
  readonly ifMatch?: string;
}

/**
 * The objects of one bucket, with keys of type `K`. For a missing object `tryGet` and `head` return undefined; the others
 * throw `NOT_FOUND`. A failed condition throws `PRECONDITION_FAILED`. Implementations retry S3's 409
 * (conditional write undecided) and transient failures.
 */
export interface ObjectStore<K extends string = string> {
  /** The bucket's name, for messages. */
  readonly bucket: string;
  readonly get: (key: K) => Promise<StoredObject>;
  /** With `maxBytes`, throws `BAD_MESSAGE` for a longer object, whose body is then not read. */
  readonly tryGet: (key: K, maxBytes?: number) => Promise<StoredObject | undefined>;
  /**
   * Bytes from `start` to `end`, exclusive; fewer if the object ends earlier. `into` is a buffer of at least that length:
   * the bytes are written to its start and the filled part is returned, so that repeated reads reuse memory.
   */
  readonly getRange: (key: K, start: number, end: number, into?: Uint8Array) => Promise<Uint8Array>;
  readonly stream: (key: K) => Promise<Readable>;
  readonly head: (key: K) => Promise<ObjectInfo<K> | undefined>;
  readonly put: (key: K, body: Uint8Array | string, options?: PutOptions) => Promise<{ readonly etag: string }>;
  /** Creates the object, or reports that it exists. Atomic: exactly one of several concurrent callers creates it. */
  readonly putIfAbsent: (key: K, body: Uint8Array | string) => Promise<'created' | 'exists'>;
  /**
   * Uploads a stream of parts, each but the last at least 5 MiB. The object becomes visible after the last part. A part's memory may
   * be used again when the upload is complete, or `onStored` is called with it.
   */
  readonly putParts: (
    key: K,
    parts: AsyncIterable<Uint8Array>,
    onStored?: (part: Uint8Array) => void,
  ) => Promise<{ readonly etag: string }>;
  /** All objects below a prefix, in byte order of their keys. Pages are fetched as needed. */
  readonly list: (prefix: K) => AsyncIterable<ObjectInfo<K>>;
  /** The folders directly below a prefix, in byte order. Each includes the prefix and ends with a slash. */
  readonly folders: (prefix: K) => AsyncIterable<K>;
  /** In a bucket with versioning, hides the object behind a delete marker. */
  readonly delete: (key: K) => Promise<void>;
  /** All versions and delete markers below a prefix, in byte order of their keys, those of a key from new to old. */
  readonly versions: (prefix: K) => AsyncIterable<ObjectVersion<K>>;
  /** Removes a version or a delete marker for good. If it was the latest, the one before becomes the latest. */
  readonly deleteVersion: (key: K, version: string) => Promise<void>;
}

/** The coordinator's bucket: campaigns, rounds, weights, counts. */
export type FederationStore = ObjectStore<FederationKey>;
/** A site's own bucket: cases, catalog, pseudo-labels, checkpoints. */
export type SiteStore = ObjectStore<SiteKey>;

/** What intake needs of a site's bucket. `fedcardio site check` gives it a folder instead. */
export type IntakeStore = Pick<
  SiteStore,
  'bucket' | 'list' | 'head' | 'tryGet' | 'getRange' | 'put' | 'putIfAbsent' | 'delete'
>;

/** Opens a bucket by its name. The bucket must exist; nothing is requested until the store is used. */
export type OpenBucket = <K extends string = string>(bucket: string) => ObjectStore<K>;

/** The stores of a federation. Each may have its own endpoint and credentials. */
export interface Stores {
  readonly federationStore: FederationStore;
  readonly siteStore: (site: string) => SiteStore;
}

export interface QueueMessage {
  readonly id: string;
  readonly receipt: string;
  readonly body: string;
  readonly receiveCount: number;
}

/** Queues, addressed by name. */
export interface Queues {
  send(queue: string, body: string): Promise<void>;
  /** Long-polls up to `waitSeconds` (at most 20) for at most `max` (at most 10) messages. */
  receive(
    queue: string,
    options: { readonly max: number; readonly waitSeconds: number; readonly signal?: AbortSignal },
  ): Promise<readonly QueueMessage[]>;
  /** Deletes messages, up to ten per request. */
  delete(queue: string, receipts: readonly string[]): Promise<void>;
  /** Hides a message that was received for so many seconds more. Does nothing if it is visible again, or deleted. */
  changeVisibility(queue: string, receipt: string, seconds: number): Promise<void>;
  /** Approximate number of waiting and of in-flight messages. */
  depth(queue: string): Promise<{ readonly waiting: number; readonly inFlight: number }>;
}

/** A job to submit to AWS Batch. */
export interface JobRequest {
  /** Jobs with the same name do the same work. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Batch ends each attempt after this time, but not before its minimum of 60 seconds. */
  readonly timeoutSeconds: number;
}

export interface BatchJob {
  readonly id: string;
  /** `lost`: it failed because the storage was away or its host was lost, which is no answer of its task. */
  readonly phase: 'alive' | 'succeeded' | 'failed' | 'lost';
  /** Why it failed, if Batch gives a reason. */
  readonly reason: string | undefined;
}

/** The jobs of one job queue and one job definition. */
export interface BatchQueue {
  /** Returns the job's id. Throws `BAD_MESSAGE` if the environment is too large, `STORAGE` if Batch rejects the job. */
  submit(request: JobRequest): Promise<string>;
  /** Undefined if Batch no longer knows the job: it deletes jobs some days after their end. */
  describe(id: string): Promise<BatchJob | undefined>;
  /** The newest job with this name. */
  find(name: string): Promise<BatchJob | undefined>;
}
