import type { Federation } from '../federation/schemas.ts';

/**
 * What the protocol needs of the world, and no more: the object storage and queues of lib/storage fit, and so does
 * the context of a handler.
 */

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
  readonly lastModified: Date;
}

/** Object storage with strong consistency and conditional creation. */
export interface ObjectStore {
  tryGet(bucket: string, key: string): Promise<{ readonly body: Uint8Array; readonly etag: string } | undefined>;
  /** Creates the object, or says that it exists. Atomic: of many racers one creates. */
  putIfAbsent(bucket: string, key: string, body: string): Promise<'created' | 'exists'>;
  /** Throws `PRECONDITION_FAILED` where there is an object (`ifNoneMatch`), or another than expected (`ifMatch`). */
  put(
    bucket: string,
    key: string,
    body: string,
    conditions?: { readonly ifMatch?: string; readonly ifNoneMatch?: '*' },
  ): Promise<{ readonly etag: string }>;
  /** All objects below a prefix in byte order of their keys. */
  list(bucket: string, prefix: string): AsyncIterable<ListedObject>;
}

/** Enough to look at a campaign. */
export interface ReaderContext {
  readonly federation: Pick<Federation, 'id'>;
  readonly objects: Pick<ObjectStore, 'tryGet' | 'list'>;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface StoreContext extends ReaderContext {
  readonly federation: Federation;
  readonly objects: ObjectStore;
}

export interface CoordinatorContext extends StoreContext {
  readonly queues: { send(queue: string, body: string): Promise<void> };
}
