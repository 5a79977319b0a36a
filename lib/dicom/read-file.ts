import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type DicomHeader, headerOf } from './header.ts';
import { MAGIC_BYTES, parseFile, startOf } from './parse.ts';
import { isNative, TRANSFER_SYNTAXES } from './transfer-syntax.ts';

/** A DICOM file whose header was read. */
export interface DicomFile {
  readonly path: string;
  readonly header: DicomHeader;
  /** Whether the file ends before its voxels do, as far as can be told without decoding them. */
  readonly isCutOff: boolean;
}

/** Read at first. Headers of CTs are smaller, unless private sequences are large. */
const FIRST_BYTES = 64 * 1024;

/** The most that is read of a file for its header, bytes: no slice is as large. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/**
 * Reads the header of a file.
 *
 * @returns undefined for a file that is not DICOM, `damaged` for a DICOM file whose header cannot be read
 * @throws the system's error if the file cannot be read
 */
export function readDicomFile(path: string): DicomFile | 'damaged' | undefined {
  const { first, size } = firstBytes(path, FIRST_BYTES);
  const start = startOf(first.subarray(0, MAGIC_BYTES));
  if (start === undefined) return undefined;
  const isShort = first.length < size;
  const parsed = parseFile(first, start);
  // A deflated data set cannot be read from its beginning alone, and a cut element looks like a damaged one.
  const usable = parsed && !parsed.isDamaged && (!isShort || hasReachedPixels(parsed.dataSet.elements));
  const again = usable || !isShort ? parsed : parseFile(firstBytes(path, MAX_HEADER_BYTES).first, start);
  if (!again) return 'damaged';
  const header = headerOf(again.dataSet, again.transferSyntax);
  return { path, header, isCutOff: again.isDamaged || isCutOff(header, size + (start === 'meta' ? MAGIC_BYTES : 0)) };
}

/** Whether a file is DICOM, by its first bytes. */
export const isDicomFile = (path: string): boolean => startOf(firstBytes(path, MAGIC_BYTES).first) !== undefined;

const ZIP = Buffer.from('PK\u0003\u0004');

/** Whether a file is a ZIP archive, by its first bytes; false if it cannot be read. */
export function isZipFile(path: string): boolean {
  try {
    return ZIP.equals(firstBytes(path, ZIP.length).first);
  } catch {
    return false;
  }
}

const hasReachedPixels = (elements: object): boolean => 'x7fe00010' in elements;

function firstBytes(path: string, most: number): { readonly first: Uint8Array; readonly size: number } {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, most));
    return { first: buffer.subarray(0, readSync(file, buffer, 0, buffer.length, 0)), size };
  } finally {
    closeSync(file);
  }
}

function isCutOff(
  { transferSyntax, pixels, rows, columns, bitsAllocated, samples, frames }: DicomHeader,
  size: number,
) {
  if (!pixels || transferSyntax === TRANSFER_SYNTAXES.deflated) return false;
  if (!isNative(transferSyntax)) return pixels.offset >= size;
  const needed = rows * columns * samples * frames * Math.ceil(bitsAllocated / 8);
  const stored = Math.min(pixels.length ?? 0, size - pixels.offset);
  return stored < needed;
}
