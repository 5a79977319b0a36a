import type { Readable } from 'node:stream';
import type { FederationKey, SiteKey } from '../federation/keys.ts';

/** Object storage and queues as the rest of fedcardio sees them. lib/aws implements both on the AWS SDK. */

export interface ObjectInfo<K extends string = string> {
  readonly key: K;
  readonly bytes: number;
  /** With its quotes, as S3 returns it. */
  readonly etag: string;
  readonly lastModified: Date;
}

export interface StoredObject {
  readonly body: Uint8Array;
  readonly etag: string;
}

export interface PutOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** `'*'`: only where no object has the key. */
  readonly ifNoneMatch?: '*';
  /** Only over the version with this ETag. */
  readonly ifMatch?: string;
}

/**
 * The objects of one bucket, by keys of type `K`. A missing object is `undefined` from `tryGet` and `head`, and a
 * `NOT_FOUND` error from the others. A lost condition is a `PRECONDITION_FAILED` error. Implementations retry S3's 409
 * (conditional write undecided) and transient failures.
 */
export interface ObjectStore<K extends string = string> {
  /** The bucket's name, for messages. */
  readonly bucket: string;
  readonly get: (key: K) => Promise<StoredObject>;
  readonly tryGet: (key: K) => Promise<StoredObject | undefined>;
  /**
   * Bytes from `start` to `end`, exclusive; fewer where the object ends earlier. With `into`, a buffer of at least that
   * length, the bytes are written to its start and the filled part of it is returned, so that repeated reads reuse memory.
   */
  readonly getRange: (key: K, start: number, end: number, into?: Uint8Array) => Promise<Uint8Array>;
  readonly stream: (key: K) => Promise<Readable>;
  readonly head: (key: K) => Promise<ObjectInfo<K> | undefined>;
  readonly put: (key: K, body: Uint8Array | string, options?: PutOptions) => Promise<{ readonly etag: string }>;
  /** Creates the object, or reports that it exists. Atomic: exactly one of several concurrent callers creates it. */
  readonly putIfAbsent: (key: K, body: Uint8Array | string) => Promise<'created' | 'exists'>;
  /** Uploads parts as they come, each but the last at least 5 MiB. The object is visible once the last part is in. */
  readonly putParts: (key: K, parts: AsyncIterable<Uint8Array>) => Promise<{ readonly etag: string }>;
  /** All objects below a prefix in byte order of their keys, fetched page by page. */
  readonly list: (prefix: K) => AsyncIterable<ObjectInfo<K>>;
  /** The folders directly below a prefix, each with the prefix and a closing slash, in byte order. */
  readonly folders: (prefix: K) => AsyncIterable<K>;
  readonly delete: (key: K) => Promise<void>;
}

/** The coordinator's bucket: campaigns, rounds, weights, counts. */
export type FederationStore = ObjectStore<FederationKey>;
/** A site's own bucket: cases, catalog, pseudo-labels, checkpoints. */
export type SiteStore = ObjectStore<SiteKey>;

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

/** Queues by name. */
export interface Queues {
  send(queue: string, body: string): Promise<void>;
  /** Long-polls up to `waitSeconds` (at most 20) for at most `max` (at most 10) messages. */
  receive(
    queue: string,
    options: { readonly max: number; readonly waitSeconds: number; readonly signal?: AbortSignal },
  ): Promise<readonly QueueMessage[]>;
  /** Deletes messages, ten with a request. */
  delete(queue: string, receipts: readonly string[]): Promise<void>;
  changeVisibility(queue: string, receipt: string, seconds: number): Promise<void>;
  /** Messages waiting and in flight, approximately. */
  depth(queue: string): Promise<{ readonly waiting: number; readonly inFlight: number }>;
}
