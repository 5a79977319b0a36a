import { FedcardioError } from '../error.ts';
import { isLike, type ObjectAccess } from '../federation/access.ts';
import type { ObjectStore } from './contract.ts';

/**
 * A store that enforces a role's access to a bucket. It denies like S3 and the adapter in lib/aws:
 *
 * - S3 answers 404 for a missing object only to roles that may list the whole bucket, otherwise 403. The adapter's
 *   `tryGet` then lists the key, and still finds that the object is missing if the role may list it.
 * - `If-Match` needs permission to read as well as to write.
 */
export function enforceAccess<K extends string>(store: ObjectStore<K>, access: ObjectAccess): ObjectStore<K> {
  const matches = (patterns: readonly string[] = [], key: string) => patterns.some((pattern) => isLike(key, pattern));
  const { list = [] } = access;
  const mayListAll = list === 'everything';
  const mayList = (prefix: string) => mayListAll || matches(list, prefix);
  const denied = (action: string, key: string) =>
    new FedcardioError('STORAGE', `Cannot ${action} s3://${store.bucket}/${key}: AccessDenied (403).`, {
      // As the adapter's errors have it, so that callers tell a refusal from an outage (unreadable.ts).
      cause: Object.assign(new Error('Access Denied'), { name: 'AccessDenied' }),
    });
  const requireAccess = (kind: 'read' | 'write' | 'delete' | 'erase', key: string) => {
    if (!matches(access[kind], key)) throw denied(kind, key);
  };
  const isMissing = (error: unknown) => error instanceof FedcardioError && error.code === 'NOT_FOUND';
  /** A read of a missing object is forbidden unless the role may list the whole bucket. */
  async function reading<T>(key: K, read: () => Promise<T>): Promise<T> {
    requireAccess('read', key);
    try {
      return await read();
    } catch (error) {
      throw isMissing(error) && !mayListAll ? denied('read', key) : error;
    }
  }

  return {
    bucket: store.bucket,
    get: (key) => reading(key, () => store.get(key)),
    getRange: (key, ...range) => reading(key, () => store.getRange(key, ...range)),
    stream: (key) => reading(key, () => store.stream(key)),
    tryGet: async (key, ...limit) => {
      const found = matches(access.read, key) ? await store.tryGet(key, ...limit) : undefined;
      if (found) return found;
      if (!mayList(key)) throw denied('read', key);
      if (matches(access.read, key)) return undefined;
      for await (const object of store.list(key)) if (object.key === key) throw denied('read', key);
      return undefined;
    },
    head: async (key) => {
      requireAccess('read', key);
      const found = await store.head(key);
      if (!found && !mayListAll) throw denied('read', key);
      return found;
    },
    put: async (key, body, options) => {
      requireAccess('write', key);
      if (options?.ifMatch !== undefined) requireAccess('read', key);
      return store.put(key, body, options);
    },
    putIfAbsent: async (key, body) => {
      requireAccess('write', key);
      return store.putIfAbsent(key, body);
    },
    putParts: async (key, parts, onStored) => {
      requireAccess('write', key);
      return store.putParts(key, parts, onStored);
    },
    list: async function* (prefix) {
      if (!mayList(prefix)) throw denied('list', prefix);
      yield* store.list(prefix);
    },
    folders: async function* (prefix) {
      if (!mayList(prefix)) throw denied('list', prefix);
      yield* store.folders(prefix);
    },
    delete: async (key) => {
      requireAccess('delete', key);
      await store.delete(key);
    },
    versions: async function* (prefix) {
      if (!access.erase || !mayList(prefix)) throw denied('list versions of', prefix);
      yield* store.versions(prefix);
    },
    deleteVersion: async (key, version) => {
      requireAccess('erase', key);
      await store.deleteVersion(key, version);
    },
  };
}
