import type { Federation } from '../schemas.ts';

/**
 * What the protocol needs of the world, and no more: the object storage and queues of lib/storage fit, and so does
 * the context of a handler.
 */

export interface ListedObject {
  readonly key: string;
  readonly lastModified: Date;
}

/** Object storage with strong consistency and conditional creation. */
export interface ObjectStore {
  tryGet(bucket: string, key: string): Promise<{ readonly body: Uint8Array } | undefined>;
  /** Creates the object, or says that it exists. Atomic: of many racers one creates. */
  putIfAbsent(bucket: string, key: string, body: string): Promise<'created' | 'exists'>;
  put(bucket: string, key: string, body: string): Promise<unknown>;
  /** All objects below a prefix in byte order of their keys. */
  list(bucket: string, prefix: string): AsyncIterable<ListedObject>;
}

export interface StoreContext {
  readonly federation: Federation;
  readonly objects: ObjectStore;
  readonly now: () => Date;
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface CoordinatorContext extends StoreContext {
  readonly queues: { send(queue: string, body: string): Promise<void> };
}
