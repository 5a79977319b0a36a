import { isFedcardioError } from '../error.ts';
import type { StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import {
  badWeights,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsDataStart,
} from '../weights/safetensors-header.ts';

/**
 * Enough for the header of most models, a longer one takes a second read; and for the whole of a small model, with one
 * more byte to see that it ends.
 */
const FIRST_BYTES = 128 * 1024 + 1;

/** A safetensors object with its header read. */
export interface OpenFile {
  readonly file: StoredFile;
  readonly header: SafetensorsHeader;
  /** What the header was read from, which is part of the file's hash. */
  readonly headerBytes: Uint8Array;
  /** All of it, where that came along: a small file costs one request. */
  readonly whole: Uint8Array | undefined;
}

/**
 * Reads the header of a safetensors object by ranges. Throws `NOT_FOUND`, and `BAD_WEIGHTS` when it is none or has
 * another length than stated.
 *
 * @param keepBytes length up to which a file that came whole is kept
 */
export async function openFile(
  store: Pick<FederationStore, 'getRange'>,
  file: StoredFile,
  keepBytes: number,
): Promise<OpenFile> {
  const first = await store.getRange(file.key, 0, FIRST_BYTES);
  const expected = Math.min(file.bytes, FIRST_BYTES);
  if (first.length !== expected) {
    const actual = first.length === FIRST_BYTES ? 'more' : first.length;
    throw badWeights(`${file.key} has ${actual} bytes, not the ${file.bytes} that its metadata says`);
  }
  const dataStart = safetensorsDataStart(first);
  const rest = dataStart <= first.length ? new Uint8Array() : await store.getRange(file.key, first.length, dataStart);
  const headerBytes = Buffer.concat([first.subarray(0, dataStart), rest]);
  const whole = file.bytes <= keepBytes && file.bytes < FIRST_BYTES ? first : undefined;
  return { file, header: parseSafetensorsHeader(headerBytes), headerBytes, whole };
}

/** Why an object cannot be used, where that is the object's fault; else the failure is thrown on. */
export function faultOf(error: unknown): string {
  if (!isFedcardioError(error, 'BAD_WEIGHTS') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
  return error.message;
}
