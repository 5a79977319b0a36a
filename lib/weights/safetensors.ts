import { allFinite } from './finite.ts';
import { decodeHalf, encodeHalf } from './half-floats.ts';
import {
  badWeights,
  DTYPE_BYTES,
  type Dtype,
  parseSafetensorsHeader,
  type SafetensorsHeader,
} from './safetensors-header.ts';
import { elementsOf, sortedNames, type Tensor, type Tensors, type Weights, type WeightTensor } from './weights.ts';

/**
 * The safetensors codec (https://github.com/huggingface/safetensors#format). The same weights always give the same
 * bytes: tensors in the order of {@link inFileOrder}, no gaps, the header padded with spaces to a multiple of 8 bytes.
 * Values are little-endian, as on every machine that runs Node with tensors.
 */

/** Types that floats can be stored as. */
type FloatDtype = Exclude<Dtype, 'I32' | 'I64'>;

/** The part of a tensor that {@link encodeSafetensorsHeader} needs. */
export interface TensorShape {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/**
 * The tensors in fedcardio's file order: I64, I32, then floats, each by name. Every tensor is then aligned, and the
 * order does not depend on how floats are stored: an update in half floats has the order of its global model.
 */
function inFileOrder<T extends TensorShape>(tensors: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const rank = ({ dtype }: TensorShape) => (dtype === 'I64' ? 0 : dtype === 'I32' ? 1 : 2);
  const entries = sortedNames(tensors).map((name) => [name, tensors.get(name) as T] as const);
  return new Map(entries.sort(([, a], [, b]) => rank(a) - rank(b)));
}

/**
 * The first bytes of a file with these tensors, up to the first value. The values must follow in the order of the map.
 */
export function encodeSafetensorsHeader(
  tensors: ReadonlyMap<string, TensorShape>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const fields: string[] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (notes.length > 0) fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(notes))}`);
  let end = 0;
  for (const [name, { dtype, shape }] of tensors) {
    if (name === '__metadata__') throw badWeights('no tensor can be named "__metadata__".');
    const begin = end;
    end += elementsOf(shape) * DTYPE_BYTES[dtype];
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const json = Buffer.from(`{${fields.join(',')}}`);
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return header;
}

/** Options of {@link encodeSafetensors}. */
export interface EncodeOptions {
  /** Storage type of floats; half floats round to nearest, ties to even. Default F32. */
  readonly dtype?: FloatDtype;
}

/**
 * The file of a model's weights. Throws `BAD_WEIGHTS` that names the tensor if an array's length does not match its
 * shape, or if a value is not finite as a half float (F16 ends at 65,504).
 *
 * @param metadata free text by name, kept in the header
 */
export function encodeSafetensors(
  weights: Tensors,
  metadata: Readonly<Record<string, string>> = {},
  { dtype = 'F32' }: EncodeOptions = {},
): Uint8Array {
  const ordered = inFileOrder(weights);
  const stored = [...ordered].map(([name, tensor]): [string, TensorShape] => {
    return [name, { dtype: tensor.dtype === 'F32' ? dtype : tensor.dtype, shape: tensor.shape }];
  });
  const parts = [encodeSafetensorsHeader(new Map(stored), metadata)];
  for (const [name, tensor] of ordered) {
    const { data, shape } = tensor;
    if (data.length !== elementsOf(shape)) {
      throw badWeights(`tensor "${name}" has ${data.length} values for shape [${shape.join(', ')}].`);
    }
    const values = tensor.dtype === 'F32' && dtype !== 'F32' ? halves(name, tensor, dtype) : data;
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return Buffer.concat(parts);
}

function halves(name: string, { data }: WeightTensor, dtype: Exclude<FloatDtype, 'F32'>): Uint16Array {
  const values = encodeHalf(data, dtype);
  const infinity = dtype === 'F16' ? 0x7c00 : 0x7f80;
  const worst = values.findIndex((bits) => (bits & infinity) === infinity);
  if (worst >= 0) throw badWeights(`tensor "${name}" holds ${data[worst]}, which is not finite as ${dtype}.`);
  return values;
}

/** Options of {@link decodeSafetensors} and {@link decodeTensors}. */
export interface DecodeOptions {
  /** Refuse values that are NaN or infinite. */
  readonly finite?: boolean;
}

/**
 * The weights in a file as float32, in the order of their bytes. F32 arrays share memory with `bytes` if alignment
 * allows. Throws `BAD_WEIGHTS` that names the tensor if anything is wrong, also for integers.
 */
export function decodeSafetensors(bytes: Uint8Array, options: DecodeOptions = {}): Weights {
  const weights = new Map<string, WeightTensor>();
  for (const [name, tensor] of decodeTensors(bytes, options)) {
    if (tensor.dtype !== 'F32') throw badWeights(`tensor "${name}" is ${tensor.dtype}; models hold floats.`);
    weights.set(name, tensor);
  }
  return weights;
}

/** Like {@link decodeSafetensors}, including integers. */
export function decodeTensors(bytes: Uint8Array, { finite = false }: DecodeOptions = {}): Tensors {
  const header = parseSafetensorsHeader(bytes);
  requireWhole(bytes, header);
  const { tensors, dataStart } = header;
  const decoded = new Map<string, Tensor>();
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    const tensor = tensorOf(dtype, shape, bytes.subarray(dataStart + begin, dataStart + end));
    if (finite && tensor.dtype === 'F32' && !allFinite(tensor.data)) {
      throw badWeights(`tensor "${name}" has values that are NaN or infinite.`);
    }
    decoded.set(name, tensor);
  }
  return decoded;
}

/** Throws `BAD_WEIGHTS` unless the file ends with its last tensor. */
export function requireWhole(bytes: Uint8Array, { dataStart, dataBytes }: SafetensorsHeader<unknown>): void {
  if (bytes.length === dataStart + dataBytes) return;
  throw badWeights(`the header describes ${dataStart + dataBytes} bytes, the file has ${bytes.length}.`);
}

/** A tensor from its bytes, in float32 if it holds floats. */
export function tensorOf(dtype: Dtype, shape: readonly number[], bytes: Uint8Array): Tensor {
  if (dtype === 'F16' || dtype === 'BF16') {
    const data = new Float32Array(bytes.length / 2);
    decodeHalf(bytes, dtype, data);
    return { dtype: 'F32', shape, data };
  }
  const { buffer, byteOffset } = bytes.byteOffset % DTYPE_BYTES[dtype] === 0 ? bytes : Uint8Array.from(bytes);
  const count = bytes.length / DTYPE_BYTES[dtype];
  if (dtype === 'F32') return { dtype, shape, data: new Float32Array(buffer, byteOffset, count) };
  if (dtype === 'I32') return { dtype, shape, data: new Int32Array(buffer, byteOffset, count) };
  return { dtype, shape, data: new BigInt64Array(buffer, byteOffset, count) };
}
