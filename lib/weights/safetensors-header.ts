import { FedcardioError, isFedcardioError } from '../error.ts';
import { duplicateKey, nestingOf } from './json-scan.ts';
import { elementsOf } from './weights.ts';

/**
 * The header of a safetensors file: 8 bytes of little-endian length, then that many bytes of JSON, then the tensors'
 * bytes without gaps. Format: https://github.com/huggingface/safetensors#format
 */

/** Bytes per element. */
export const DTYPE_BYTES = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8 } as const;
/** Storage type of a tensor. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** Bytes per element of the types in other tools' files. Eight-bit floats are quantised models, which nothing reads. */
const FOREIGN_BYTES = { ...DTYPE_BYTES, F64: 8, U64: 8, U32: 4, I16: 2, U16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
/** Storage type of a tensor in another tool's file. */
export type ForeignDtype = keyof typeof FOREIGN_BYTES;

interface TensorEntry<D> {
  readonly dtype: D;
  readonly shape: readonly number[];
  /** First byte, and the byte after the last, counted from the end of the header. */
  readonly begin: number;
  readonly end: number;
}

/** The header of a safetensors file, checked. */
export interface SafetensorsHeader<D = Dtype> {
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry<D>>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Offset of the tensors' bytes in the file, and their number. */
  readonly dataStart: number;
  readonly dataBytes: number;
}

/** Limit of the reference implementation, for files of the reader's own. Files of others have lower limits. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
/** The header, a tensor, its shape. */
const NESTING = 3;
/** Most characters of a header's text that a message quotes. */
const QUOTED = 100;

export const badWeights = (message: string, cause?: unknown): FedcardioError =>
  new FedcardioError('BAD_WEIGHTS', message, { cause, hint: 'Write the file again from the model.' });

/**
 * Bytes from the start of the file to the first tensor, read from the first 8 bytes. Throws `BAD_WEIGHTS`.
 *
 * @param maxHeaderBytes longest header to accept
 */
export function safetensorsDataStart(prefix: Uint8Array, maxHeaderBytes = MAX_HEADER_BYTES): number {
  const start = headerEnd(prefix, maxHeaderBytes);
  if (start % 8 !== 0) throw badWeights(`the tensors start at byte ${start}, which is not a multiple of 8.`);
  return start;
}

function headerEnd(prefix: Uint8Array, maxHeaderBytes: number): number {
  if (prefix.length < LENGTH_BYTES)
    throw badWeights(`a safetensors file has at least 8 bytes, this one ${prefix.length}.`);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length < 2n || length > maxHeaderBytes) {
    throw badWeights(`the header claims ${length} bytes; 2 to ${maxHeaderBytes} are allowed.`);
  }
  return LENGTH_BYTES + Number(length);
}

/**
 * Parses and checks a header. `prefix` is the start of a file, at least {@link safetensorsDataStart} bytes. Throws
 * `BAD_WEIGHTS` unless all tensors have known types and follow each other without gap or overlap. The check is strict
 * because the header decides what the bytes mean.
 */
export const parseSafetensorsHeader = (prefix: Uint8Array): SafetensorsHeader =>
  checkedHeader(prefix, safetensorsDataStart(prefix), { bytes: DTYPE_BYTES, aligned: true });

/**
 * Like {@link parseSafetensorsHeader}, for a file of another tool: all integers and F64 are known, and nothing has to be
 * aligned. mlx, for example, does not pad its headers. The reference library reads such files too.
 */
export const parseForeignHeader = (prefix: Uint8Array): SafetensorsHeader<ForeignDtype> =>
  checkedHeader(prefix, headerEnd(prefix, MAX_HEADER_BYTES), { bytes: FOREIGN_BYTES, aligned: false });

interface Rules<D extends string> {
  readonly bytes: Readonly<Record<D, number>>;
  readonly aligned: boolean;
}

function checkedHeader<D extends string>(prefix: Uint8Array, dataStart: number, rules: Rules<D>): SafetensorsHeader<D> {
  if (prefix.length < dataStart)
    throw badWeights(`the header ends at byte ${dataStart}, the file at ${prefix.length}.`);
  try {
    return parseHeader(prefix, dataStart, rules);
  } catch (cause) {
    throw isFedcardioError(cause) ? cause : badWeights('the header cannot be read.', cause);
  }
}

function parseHeader<D extends string>(prefix: Uint8Array, dataStart: number, rules: Rules<D>): SafetensorsHeader<D> {
  const { __metadata__, ...tensors } = parseJsonObject(prefix.subarray(LENGTH_BYTES, dataStart));
  const entries = Object.entries(tensors).map(([name, value]) => [name, parseEntry(name, value, rules)] as const);
  entries.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  return {
    tensors: new Map(entries),
    metadata: parseMetadata(__metadata__),
    dataStart,
    dataBytes: requireContiguous(entries),
  };
}

function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Before JSON.parse: nested arrays cost fifty times their length.
    if (nestingOf(text) > NESTING) throw badWeights(`the header is nested more than ${NESTING} deep.`);
    value = JSON.parse(text);
  } catch (cause) {
    throw isFedcardioError(cause) ? cause : badWeights('the header is not JSON in UTF-8.', cause);
  }
  if (!text.startsWith('{') || !isRecord(value)) throw badWeights('the header is not a JSON object.');
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw badWeights(`the header names ${quoted(duplicate)} twice.`);
  return value;
}

function parseMetadata(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    throw badWeights('__metadata__ must map text to text.');
  }
  return value as Readonly<Record<string, string>>;
}

function parseEntry<D extends string>(name: string, value: unknown, rules: Rules<D>): TensorEntry<D> {
  const where = `tensor ${quoted(name)}`;
  if (!isRecord(value) || Object.keys(value).sort().join() !== 'data_offsets,dtype,shape') {
    throw badWeights(`${where} must have dtype, shape and data_offsets and nothing else.`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(rules.bytes, dtype)) {
    throw badWeights(`${where} has dtype ${quoted(dtype)}; known are ${Object.keys(rules.bytes).join(', ')}.`);
  }
  if (!isCounts(shape)) throw badWeights(`${where} has shape ${quoted(shape)}.`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw badWeights(`${where} has data_offsets ${quoted(offsets)}.`);
  }
  const [begin, end] = offsets as [number, number];
  const size = rules.bytes[dtype as D];
  const bytes = elementsOf(shape) * size;
  if (end - begin !== bytes) {
    throw badWeights(`${where}, ${dtype} ${quoted(shape)}, needs ${bytes} bytes and has ${end - begin}.`);
  }
  if (rules.aligned && begin % size !== 0) throw badWeights(`${where} starts at byte ${begin}, not aligned.`);
  return { dtype: dtype as D, shape, begin, end };
}

/** Total bytes of the tensors, which must follow each other without gap or overlap. */
function requireContiguous(entries: readonly (readonly [string, TensorEntry<string>])[]): number {
  let end = 0;
  for (const [name, entry] of entries) {
    if (entry.begin !== end) {
      const fault = entry.begin > end ? 'leaves a gap after' : 'overlaps';
      throw badWeights(`tensor ${quoted(name)} starts at byte ${entry.begin}: it ${fault} byte ${end}.`);
    }
    end = entry.end;
  }
  return end;
}

/** A value of the header as JSON, cut to what a message can hold. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
