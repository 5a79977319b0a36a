import type { FederationStore } from '../../lib/storage/contract.ts';

/** Requests to S3 by kind. A listing is one request for each page that is read of it. */
export type Requests = Readonly<Record<'get' | 'put' | 'list' | 'delete', number>>;

export interface CountedStore {
  readonly store: FederationStore;
  /** The requests since the last call. */
  readonly take: () => Requests;
}

/**
 * A store that counts the requests that S3 would get, without attempts that fail.
 *
 * @param pageKeys keys or folders of one page
 */
export function countRequests(store: FederationStore, pageKeys = 1000): CountedStore {
  const none = () => ({ get: 0, put: 0, list: 0, delete: 0 });
  let counts = none();
  const counted =
    <A extends readonly unknown[], T>(kind: keyof Requests, run: (...args: A) => T) =>
    (...args: A): T => {
      counts[kind] += 1;
      return run(...args);
    };
  async function* paged<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    let read = 0;
    counts.list += 1;
    for await (const item of items) {
      if (read > 0 && read % pageKeys === 0) counts.list += 1;
      read += 1;
      yield item;
    }
  }
  return {
    store: {
      bucket: store.bucket,
      get: counted('get', store.get),
      tryGet: counted('get', store.tryGet),
      getRange: counted('get', store.getRange),
      stream: counted('get', store.stream),
      head: counted('get', store.head),
      put: counted('put', store.put),
      putIfAbsent: counted('put', store.putIfAbsent),
      putParts: counted('put', store.putParts),
      delete: counted('delete', store.delete),
      list: (prefix) => paged(store.list(prefix)),
      folders: (prefix) => paged(store.folders(prefix)),
      versions: store.versions,
      deleteVersion: store.deleteVersion,
    },
    take: () => {
      const taken = counts;
      counts = none();
      return taken;
    },
  };
}
