import type { StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import {
  badWeights,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsDataStart,
} from '../weights/safetensors-header.ts';

/**
 * Bytes of the first read: the header of most models (a longer header takes a second read) or all of a small model, plus
 * one byte that shows whether the file ends where it should.
 */
const FIRST_BYTES = 128 * 1024 + 1;

/** A safetensors object with its header read. */
export interface OpenFile {
  readonly file: StoredFile;
  readonly header: SafetensorsHeader;
  /** The bytes of the header, which are part of the file's hash. */
  readonly headerBytes: Uint8Array;
  /** The complete file if the first read contained it, so that a small file costs one request. */
  readonly whole: Uint8Array | undefined;
}

/**
 * Reads the header of a safetensors object with range requests. Throws `NOT_FOUND`, and `BAD_WEIGHTS` if the object is not
 * a safetensors file or does not have the stated length.
 *
 * @param keepBytes length up to which a completely read file is kept in memory
 * @param maxHeaderBytes longest header to read; by default what the format allows
 */
export async function openFile(
  store: Pick<FederationStore, 'getRange'>,
  file: StoredFile,
  keepBytes: number,
  maxHeaderBytes?: number,
): Promise<OpenFile> {
  const first = await store.getRange(file.key, 0, FIRST_BYTES);
  const expected = Math.min(file.bytes, FIRST_BYTES);
  if (first.length !== expected) {
    const actual = first.length === FIRST_BYTES ? 'more' : first.length;
    throw badWeights(`${file.key} has ${actual} bytes, not the ${file.bytes} that its metadata says.`);
  }
  const dataStart = safetensorsDataStart(first, maxHeaderBytes);
  const rest = dataStart <= first.length ? new Uint8Array() : await store.getRange(file.key, first.length, dataStart);
  const headerBytes = Buffer.concat([first.subarray(0, dataStart), rest]);
  const whole = file.bytes <= keepBytes && file.bytes < FIRST_BYTES ? first : undefined;
  return { file, header: parseSafetensorsHeader(headerBytes), headerBytes, whole };
}
