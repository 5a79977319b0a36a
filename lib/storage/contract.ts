import type { Readable } from 'node:stream';

/** What the rest of fedcardio sees of object storage and queues. Implemented on the AWS SDK beside this file. */

export interface ObjectInfo {
  readonly key: string;
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
 * Objects of any bucket. Missing objects are `undefined` where the name says `try` and `head`, otherwise a
 * `NOT_FOUND` error. A lost condition is a `PRECONDITION_FAILED` error; S3's 409 (a race still undecided) and
 * transient failures are retried inside.
 */
export interface Objects {
  get(bucket: string, key: string): Promise<StoredObject>;
  tryGet(bucket: string, key: string): Promise<StoredObject | undefined>;
  /**
   * Bytes from `start` up to `end`, exclusive; fewer where the object ends before. With `into`, of at least that length,
   * they are written to its start and what is returned is that part of it: who reads much need not allocate it.
   */
  getRange(bucket: string, key: string, start: number, end: number, into?: Uint8Array): Promise<Uint8Array>;
  stream(bucket: string, key: string): Promise<Readable>;
  head(bucket: string, key: string): Promise<ObjectInfo | undefined>;
  put(bucket: string, key: string, body: Uint8Array | string, options?: PutOptions): Promise<{ readonly etag: string }>;
  /** Creates the object, or says that it exists. Atomic: of many racers one creates. */
  putIfAbsent(bucket: string, key: string, body: Uint8Array | string): Promise<'created' | 'exists'>;
  /** Writes parts as they come (each but the last at least 5 MiB); nothing is visible until the last is in. */
  putParts(bucket: string, key: string, parts: AsyncIterable<Uint8Array>): Promise<{ readonly etag: string }>;
  /** All objects below a prefix in byte order of their keys, page by page. */
  list(bucket: string, prefix: string): AsyncIterable<ObjectInfo>;
  /** The folders right below a prefix, each with the prefix and its closing slash, in byte order. */
  folders(bucket: string, prefix: string): AsyncIterable<string>;
  delete(bucket: string, key: string): Promise<void>;
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
