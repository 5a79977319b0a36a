import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FedcardioError } from '../error.ts';
import type { ObjectInfo, Objects, PutOptions, StoredObject } from './contract.ts';

export interface MemoryObjectsOptions {
  readonly now?: () => Date;
  /** Called after an object became visible, and awaited by its writer: tests drive notifications with it. */
  readonly onWrite?: (bucket: string, key: string) => void | Promise<void>;
}

/**
 * {@link Objects} in memory, with S3's semantics, for tests of what is built on them. Buckets exist as soon as
 * they are named. Bytes are copied in and out: nobody can change what is stored.
 */
export function createMemoryObjects(options: MemoryObjectsOptions = {}): Objects {
  const now = options.now ?? (() => new Date());
  const stored = new Map<string, StoredObject & { readonly info: ObjectInfo }>();
  /** All paths in byte order, so that a listing need not look at what it does not list. */
  const paths: string[] = [];
  const at = (bucket: string, key: string) => `${bucket}/${key}`;

  /** Index of the first path that does not come before this one. */
  function indexOf(path: string): number {
    let [low, high] = [0, paths.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comesBefore(paths[middle] as string, path)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async function put(bucket: string, key: string, body: Uint8Array | string, conditions: PutOptions = {}) {
    const existing = stored.get(at(bucket, key));
    const { ifNoneMatch, ifMatch } = conditions;
    if (ifMatch !== undefined && !existing) throw notFound(bucket, key);
    if ((ifNoneMatch && existing) || (ifMatch !== undefined && ifMatch !== existing?.etag)) {
      throw new FedcardioError(
        'PRECONDITION_FAILED',
        `Cannot write s3://${bucket}/${key}: another writer was there first.`,
      );
    }
    const bytes = new Uint8Array(typeof body === 'string' ? Buffer.from(body) : body);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const info = { key, bytes: bytes.length, etag, lastModified: now() };
    if (!existing) paths.splice(indexOf(at(bucket, key)), 0, at(bucket, key));
    stored.set(at(bucket, key), { body: bytes, etag, info });
    await options.onWrite?.(bucket, key);
    return { etag };
  }

  function find(bucket: string, key: string) {
    const object = stored.get(at(bucket, key));
    if (!object) throw notFound(bucket, key);
    return object;
  }

  async function* list(bucket: string, prefix: string) {
    const start = at(bucket, prefix);
    const found: ObjectInfo[] = [];
    for (let i = indexOf(start); paths[i]?.startsWith(start); i++) found.push(infoOf(paths[i] as string));
    yield* found;
  }
  const infoOf = (path: string) => (stored.get(path) as { readonly info: ObjectInfo }).info;

  return {
    put,
    get: async (bucket, key) => copyOf(find(bucket, key)),
    tryGet: async (bucket, key) => {
      const object = stored.get(at(bucket, key));
      return object && copyOf(object);
    },
    getRange: async (bucket, key, start, end, into) => {
      const bytes = find(bucket, key).body.subarray(start, Math.max(start, end));
      if (!into) return bytes.slice();
      into.set(bytes);
      return into.subarray(0, bytes.length);
    },
    stream: async (bucket, key) => Readable.from([Buffer.from(find(bucket, key).body)]),
    head: async (bucket, key) => stored.get(at(bucket, key))?.info,
    putIfAbsent: async (bucket, key, body) => {
      if (stored.has(at(bucket, key))) return 'exists';
      await put(bucket, key, body, { ifNoneMatch: '*' });
      return 'created';
    },
    putParts: async (bucket, key, parts) => {
      const chunks: Uint8Array[] = [];
      for await (const part of parts) chunks.push(new Uint8Array(part));
      return put(bucket, key, Buffer.concat(chunks));
    },
    list,
    folders: async function* (bucket, prefix) {
      const found = new Set<string>();
      for await (const { key } of list(bucket, prefix)) {
        const end = key.indexOf('/', prefix.length);
        if (end >= 0) found.add(key.slice(0, end + 1));
      }
      yield* found;
    },
    delete: async (bucket, key) => {
      if (stored.delete(at(bucket, key))) paths.splice(indexOf(at(bucket, key)), 1);
    },
  };
}

/** By UTF-8, as S3 sorts; the order of JavaScript's strings differs beyond the basic plane. */
const comesBefore = (a: string, b: string): boolean =>
  ASCII.test(a) && ASCII.test(b) ? a < b : Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
const ASCII = /^[ -~]*$/;

const copyOf = ({ body, etag }: StoredObject): StoredObject => ({ body: body.slice(), etag });

const notFound = (bucket: string, key: string) =>
  new FedcardioError('NOT_FOUND', `Cannot read s3://${bucket}/${key}: there is no such object.`);
