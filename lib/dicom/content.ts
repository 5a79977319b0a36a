import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { FedcardioError } from '../error.ts';
import { sha256Hex } from '../json.ts';
import type { DicomVolume } from './inspect.ts';

/**
 * Digest of the bytes of a volume's files, in the order of its slices: the same digest, the same voxels. Another one may come
 * from a value of the header that changes no voxel.
 *
 * @throws INTERRUPTED if `signal` is aborted; the system's error if a file cannot be read
 */
export async function contentOf({ stack }: DicomVolume, signal?: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  for (const { path } of stack.slices) {
    if (signal?.aborted) throw new FedcardioError('INTERRUPTED', 'Reading a DICOM series was interrupted.');
    digest.update(sha256Hex(await readFile(path)));
  }
  return digest.digest('hex');
}
