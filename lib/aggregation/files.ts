import { isFedcardioError } from '../error.ts';
import type { StoredFile } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { badWeights, parseSafetensorsHeader, type SafetensorsHeader, safetensorsDataStart } from '../weights/header.ts';

/** Enough for the header of most models; a longer one takes a second read. */
const HEADER_GUESS_BYTES = 64 * 1024;

/** A safetensors object with its header read. */
export interface OpenFile {
  readonly file: StoredFile;
  readonly header: SafetensorsHeader;
  /** What the header was read from, which is part of the file's hash. */
  readonly headerBytes: Uint8Array;
}

/**
 * Reads the header of a safetensors object by ranges. Throws `NOT_FOUND`, and `BAD_WEIGHTS` when it is none or has
 * another length than stated.
 */
export async function openFile(
  objects: Pick<Objects, 'getRange' | 'head'>,
  bucket: string,
  file: StoredFile,
): Promise<OpenFile> {
  const info = await objects.head(bucket, file.key);
  // A missing object says so when it is read.
  if (info && info.bytes !== file.bytes) {
    throw badWeights(`${file.key} has ${info.bytes} bytes, not the ${file.bytes} that its metadata says`);
  }
  const start = await objects.getRange(bucket, file.key, 0, HEADER_GUESS_BYTES);
  const dataStart = safetensorsDataStart(start);
  const isWhole = dataStart <= start.length || start.length < HEADER_GUESS_BYTES;
  const rest = isWhole ? new Uint8Array() : await objects.getRange(bucket, file.key, start.length, dataStart);
  const headerBytes = Buffer.concat([start, rest]).subarray(0, dataStart);
  return { file, header: parseSafetensorsHeader(headerBytes), headerBytes };
}

/** Why an object cannot be used, where that is the object's fault; else the failure is thrown on. */
export function faultOf(error: unknown): string {
  if (!isFedcardioError(error, 'BAD_WEIGHTS') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
  return error.message;
}
