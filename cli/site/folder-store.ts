import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { mapConcurrently } from '../../lib/async.ts';
import { FedcardioError, systemError } from '../../lib/error.ts';
import type { SiteKey } from '../../lib/federation/keys.ts';
import type { IntakeStore, ObjectInfo, PutOptions, StoredObject } from '../../lib/storage/contract.ts';

/** A file of this machine, and the object that it would become. */
export interface FolderFile {
  readonly key: SiteKey;
  readonly path: string;
}

const STATS_AT_ONCE = 32;

/**
 * Files of this machine as intake's bucket: CTs are read from the disk in ranges, and what intake writes stays in memory.
 * ETags are sizes and times, because a hash would read every file once more.
 *
 * @throws FedcardioError that names the file if one cannot be read
 */
export async function openFolderStore(name: string, files: readonly FolderFile[]): Promise<IntakeStore> {
  const found = await mapConcurrently(files, STATS_AT_ONCE, async ({ key, path }) => {
    const { size, mtimeMs, mtime } = await onFile(path, () => stat(path));
    return [key, { path, info: { key, bytes: size, etag: `"${size}-${mtimeMs}"`, lastModified: mtime } }] as const;
  });
  const stored = new Map<SiteKey, { readonly path: string; readonly info: ObjectInfo<SiteKey> }>(found);
  const documents = new Map<SiteKey, StoredObject & { readonly info: ObjectInfo<SiteKey> }>();
  const keys = [...stored.keys()].sort();
  const headOf = (key: SiteKey) => documents.get(key)?.info ?? stored.get(key)?.info;

  function write(key: SiteKey, body: Uint8Array | string, { ifNoneMatch, ifMatch }: PutOptions = {}) {
    const before = documents.get(key);
    if ((ifNoneMatch && before) || (ifMatch !== undefined && ifMatch !== before?.etag)) {
      throw new FedcardioError('PRECONDITION_FAILED', `Cannot write ${key}: it was changed.`);
    }
    const bytes = Buffer.from(body);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    documents.set(key, { body: bytes, etag, info: { key, bytes: bytes.length, etag, lastModified: new Date() } });
    return { etag };
  }

  return {
    bucket: name,
    head: async (key) => headOf(key),
    tryGet: async (key) => documents.get(key),
    getRange: async (key, start, end) => {
      const file = stored.get(key);
      if (!file) throw new FedcardioError('NOT_FOUND', `There is no ${key}.`);
      return onFile(file.path, () => readRange(file.path, start, end));
    },
    list: async function* (prefix) {
      for (const key of [...keys, ...documents.keys()]) {
        const info = key.startsWith(prefix) ? headOf(key) : undefined;
        if (info) yield info;
      }
    },
    put: async (key, body, options) => write(key, body, options),
    putIfAbsent: async (key, body) => {
      if (documents.has(key)) return 'exists';
      write(key, body);
      return 'created';
    },
    delete: async (key) => {
      documents.delete(key);
    },
  };
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - start), 0, end - start, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function onFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw systemError(error, path) ?? error;
  }
}
