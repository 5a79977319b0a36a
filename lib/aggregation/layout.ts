import type { Objects } from '../storage/contract.ts';
import { parseSafetensorsHeader, type SafetensorsHeader, safetensorsDataStart } from '../weights/header.ts';

/** Enough for the header of most models; a longer one takes a second read. */
const HEADER_GUESS_BYTES = 64 * 1024;

/** A header with the bytes that it was read from, which are part of the file's hash. */
export interface HeaderBytes {
  readonly header: SafetensorsHeader;
  readonly bytes: Uint8Array;
}

/** Reads the header of a safetensors object by ranges. Throws `BAD_WEIGHTS` when it is not one, `NOT_FOUND`. */
export async function readHeader(
  objects: Pick<Objects, 'getRange'>,
  bucket: string,
  key: string,
): Promise<HeaderBytes> {
  const start = await objects.getRange(bucket, key, 0, HEADER_GUESS_BYTES);
  const dataStart = safetensorsDataStart(start);
  const isWhole = dataStart <= start.length || start.length < HEADER_GUESS_BYTES;
  const rest = isWhole ? new Uint8Array() : await objects.getRange(bucket, key, start.length, dataStart);
  const bytes = Buffer.concat([start, rest]).subarray(0, dataStart);
  return { header: parseSafetensorsHeader(bytes), bytes };
}

/** Why a file of weights cannot be merged with any other; undefined where it can. `bytes` is its length. */
export function fileFault({ tensors, dataStart, dataBytes }: SafetensorsHeader, bytes: number): string | undefined {
  if (dataStart + dataBytes !== bytes) {
    return `the weights' header describes ${dataStart + dataBytes} bytes, the update's metadata says ${bytes}`;
  }
  const other = [...tensors].find(([, { dtype }]) => dtype !== 'F32');
  if (other) return `tensor "${other[0]}" is ${other[1].dtype}; updates hold F32`;
  return dataBytes === 0 ? 'the weights hold no values' : undefined;
}

/** What files must share to be merged, as text: every tensor's name, type and shape, in the order of their bytes. */
const layoutOf = ({ tensors }: SafetensorsHeader): string =>
  JSON.stringify([...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]));

/**
 * The first difference of a file's layout from the expected, in words; undefined where there is none.
 *
 * @param than whose layout is expected, for the sentence: "the global model"
 */
export function layoutDifference(
  actual: SafetensorsHeader,
  expected: SafetensorsHeader,
  than: string,
): string | undefined {
  if (layoutOf(actual) === layoutOf(expected)) return undefined;
  for (const [name, { dtype, shape }] of expected.tensors) {
    const other = actual.tensors.get(name);
    if (!other) return `tensor "${name}" of ${than} is missing`;
    const [is, should] = [`${other.dtype} [${other.shape}]`, `${dtype} [${shape}]`];
    if (is !== should) return `tensor "${name}" is ${is}, in ${than} ${should}`;
  }
  const extra = [...actual.tensors.keys()].find((name) => !expected.tensors.has(name));
  return extra === undefined ? `the tensors are in another order than in ${than}` : `${than} has no tensor "${extra}"`;
}

/**
 * The layout that most of the files have, of equally frequent ones that of the earliest: with no global model to
 * compare with, one odd update must not turn all others away.
 */
export function commonLayout(headers: readonly SafetensorsHeader[]): SafetensorsHeader | undefined {
  const counts = new Map<string, number>();
  for (const header of headers) counts.set(layoutOf(header), (counts.get(layoutOf(header)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return headers.find((header) => counts.get(layoutOf(header)) === most);
}
