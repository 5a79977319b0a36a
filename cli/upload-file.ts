import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { systemError } from '../lib/error.ts';
import { CASE_FOLDERS, type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import type { DatasetCase, DatasetFile } from './datasets/dataset.ts';

/** Bytes of a part of a large file. S3 takes at most 10,000 parts. */
const PART_BYTES = 16 * 2 ** 20;

/** The object that a file of a case becomes. */
export const keyOf = ({ use, id }: DatasetCase, { name }: DatasetFile): SiteKey =>
  siteKeys.ofEvent(`${CASE_FOLDERS[use]}/${id}/${name}`);

interface UploadOptions {
  /** Stops between two parts; nothing of the file is then stored. */
  readonly signal?: AbortSignal;
  readonly onBytes?: (bytes: number) => void;
}

/** Uploads a file in parts. @throws FedcardioError that names the file if it cannot be read */
export const uploadFile = (
  store: SiteStore,
  key: SiteKey,
  path: string,
  options: UploadOptions = {},
): Promise<{ readonly etag: string }> => store.putParts(key, partsOf(path, options));

/**
 * The ETag that S3 gives to a file which {@link uploadFile} has uploaded, with its quotes. With a bucket's own key (KMS),
 * S3 gives another one.
 */
export async function etagOf(path: string, signal?: AbortSignal): Promise<string> {
  const digests: Buffer[] = [];
  for await (const part of partsOf(path, signal ? { signal } : {})) {
    digests.push(createHash('md5').update(part).digest());
  }
  const [only = createHash('md5').digest()] = digests;
  if (digests.length <= 1) return `"${only.toString('hex')}"`;
  return `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${digests.length}"`;
}

/** A file in parts, each in its own memory. */
export async function* partsOf(path: string, { signal, onBytes }: UploadOptions): AsyncGenerator<Uint8Array> {
  const file = await open(path).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
  try {
    const { size } = await file.stat();
    for (let position = 0; position < size; ) {
      signal?.throwIfAborted();
      const length = Math.min(PART_BYTES, size - position);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(length), 0, length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
      onBytes?.(bytesRead);
    }
  } finally {
    await file.close();
  }
}
