import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FedcardioError } from '../error.ts';
import type { ObjectInfo, ObjectStore, ObjectVersion, OpenBucket, PutOptions, StoredObject } from './contract.ts';

export interface MemoryStorageOptions {
  readonly now?: () => Date;
  /** Whether replaced and deleted versions are kept, as in the buckets on AWS. */
  readonly versioned?: boolean;
  /** Called after an object became visible, and awaited by its writer. Tests use it to send notifications. */
  readonly onWrite?: (bucket: string, key: string) => void | Promise<void>;
}

/**
 * Buckets in memory with S3's semantics, for tests. A bucket exists as soon as it is opened. Bytes are copied in and out,
 * so that no caller can change what is stored.
 */
export function createMemoryStorage(options: MemoryStorageOptions = {}): OpenBucket {
  const now = options.now ?? (() => new Date());
  const stored = new Map<string, Held>();
  /** All versions of each path, from old to new. */
  const history = new Map<string, Version[]>();
  /** `bucket/key` of all objects in byte order, so that a listing visits only the objects that it returns. */
  const paths: string[] = [];

  /** Index of the first stored path that is not before `path`: a binary search. */
  function indexOf(path: string): number {
    let [low, high] = [0, paths.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(paths[middle] as string, path)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Makes an object, or none, the current one of a path. */
  function show(path: string, object: Held | undefined): void {
    if (object && !stored.has(path)) paths.splice(indexOf(path), 0, path);
    if (object) stored.set(path, object);
    else if (stored.delete(path)) paths.splice(indexOf(path), 1);
  }

  /** @param object undefined for a delete marker, or without versioning for a deletion */
  function setLatest(path: string, object: Held | undefined): void {
    show(path, object);
    if (!options.versioned) {
      if (object) history.set(path, [{ id: 'null', object }]);
      else history.delete(path);
      return;
    }
    const versions = history.get(path) ?? [];
    history.set(path, [...versions, { id: `v${++count}`, object }]);
  }
  let count = 0;

  return <K extends string>(bucket: string): ObjectStore<K> => {
    const at = (key: string) => `${bucket}/${key}`;
    const infoOf = (path: string) => (stored.get(path) as { readonly info: ObjectInfo }).info as ObjectInfo<K>;

    async function put(key: K, body: Uint8Array | string, conditions: PutOptions = {}) {
      const existing = stored.get(at(key));
      const { ifNoneMatch, ifMatch } = conditions;
      if (ifMatch !== undefined && !existing) throw notFound(at(key));
      if ((ifNoneMatch && existing) || (ifMatch !== undefined && ifMatch !== existing?.etag)) {
        throw new FedcardioError('PRECONDITION_FAILED', `Cannot write s3://${at(key)}: another writer was first.`);
      }
      const bytes = new Uint8Array(typeof body === 'string' ? Buffer.from(body) : body);
      const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
      const info = { key, bytes: bytes.length, etag, lastModified: now() };
      setLatest(at(key), { body: bytes, etag, info });
      await options.onWrite?.(bucket, key);
      return { etag };
    }

    function find(key: K) {
      const object = stored.get(at(key));
      if (!object) throw notFound(at(key));
      return object;
    }

    async function* list(prefix: K) {
      const start = at(prefix);
      const found: ObjectInfo<K>[] = [];
      for (let i = indexOf(start); paths[i]?.startsWith(start); i++) found.push(infoOf(paths[i] as string));
      yield* found;
    }

    return {
      bucket,
      put,
      get: async (key) => copyOf(find(key)),
      tryGet: async (key, maxBytes = Number.POSITIVE_INFINITY) => {
        const object = stored.get(at(key));
        const bytes = object?.body.length ?? 0;
        if (bytes > maxBytes) {
          throw new FedcardioError('BAD_MESSAGE', `s3://${bucket}/${key} has ${bytes} bytes, ${maxBytes} are allowed.`);
        }
        return object && copyOf(object);
      },
      getRange: async (key, start, end, into) => {
        const bytes = find(key).body.subarray(start, Math.max(start, end));
        if (!into) return bytes.slice();
        into.set(bytes);
        return into.subarray(0, bytes.length);
      },
      stream: async (key) => Readable.from([Buffer.from(find(key).body)]),
      head: async (key) => (stored.has(at(key)) ? infoOf(at(key)) : undefined),
      putIfAbsent: async (key, body) => {
        if (stored.has(at(key))) return 'exists';
        await put(key, body, { ifNoneMatch: '*' });
        return 'created';
      },
      putParts: async (key, parts) => {
        const chunks: Uint8Array[] = [];
        for await (const part of parts) chunks.push(new Uint8Array(part));
        return put(key, Buffer.concat(chunks));
      },
      list,
      folders: async function* (prefix) {
        const found = new Set<K>();
        for await (const { key } of list(prefix)) {
          const end = key.indexOf('/', prefix.length);
          if (end >= 0) found.add(key.slice(0, end + 1) as K);
        }
        yield* found;
      },
      delete: async (key) => setLatest(at(key), undefined),
      versions: async function* (prefix) {
        const found = [...history.keys()].filter((path) => path.startsWith(at(prefix)));
        for (const path of found.sort((a, b) => (comesBefore(a, b) ? -1 : 1))) {
          const key = path.slice(bucket.length + 1) as K;
          yield* (history.get(path) ?? []).toReversed().map(({ id, object }, index): ObjectVersion<K> => {
            const bytes = object?.info.bytes ?? 0;
            return { key, version: id, bytes, isLatest: index === 0, isMarker: object === undefined };
          });
        }
      },
      deleteVersion: async (key, version) => {
        const left = (history.get(at(key)) ?? []).filter(({ id }) => id !== version);
        if (left.length > 0) history.set(at(key), left);
        else history.delete(at(key));
        show(at(key), left.at(-1)?.object);
      },
    };
  };
}

type Held = StoredObject & { readonly info: ObjectInfo };

/** A version of an object; a delete marker has no object. */
interface Version {
  readonly id: string;
  readonly object: Held | undefined;
}

/** Byte order of UTF-8, like S3. JavaScript compares UTF-16, which differs outside the basic multilingual plane. */
const comesBefore = (a: string, b: string): boolean =>
  ASCII.test(a) && ASCII.test(b) ? a < b : Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
const ASCII = /^[ -~]*$/;

const copyOf = ({ body, etag }: StoredObject): StoredObject => ({ body: body.slice(), etag });

const notFound = (path: string) =>
  new FedcardioError('NOT_FOUND', `Cannot read s3://${path}: there is no such object.`);
