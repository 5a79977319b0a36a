import { allFinite } from './finite.ts';
import { badWeights, DTYPE_BYTES, type Dtype, parseSafetensorsHeader } from './header.ts';
import { elementsOf, sortedNames, type Weights, type WeightTensor } from './weights.ts';

/**
 * The safetensors codec (https://github.com/huggingface/safetensors#format). The same weights always give the same
 * bytes: tensors in the order of their names, no gaps, the header padded with spaces to a multiple of 8 bytes. Values
 * are little-endian, as is every machine that Node runs tensors on.
 */

/** What {@link encodeSafetensorsHeader} needs of a tensor. */
export interface TensorShape {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The first bytes of a file with these tensors, up to where their values start, in the order of their names. */
export function encodeSafetensorsHeader(
  tensors: ReadonlyMap<string, TensorShape>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const fields: string[] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (notes.length > 0) fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(notes))}`);
  let end = 0;
  for (const name of sortedNames(tensors)) {
    if (name === '__metadata__') throw badWeights('no tensor can be named "__metadata__"');
    const { dtype, shape } = tensors.get(name) as TensorShape;
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

/**
 * The file of a model's weights. Throws `BAD_WEIGHTS` when an array does not have the length of its shape.
 *
 * @param metadata free text by name, kept in the header
 */
export function encodeSafetensors(weights: Weights, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const parts = [encodeSafetensorsHeader(weights, metadata)];
  for (const name of sortedNames(weights)) {
    const { data, shape } = weights.get(name) as WeightTensor;
    if (data.length !== elementsOf(shape)) {
      throw badWeights(`tensor "${name}" has ${data.length} values for shape [${shape.join(', ')}]`);
    }
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return Buffer.concat(parts);
}

/**
 * The weights in a file, in the order of their bytes. Arrays share memory with `bytes` where its alignment allows.
 * Throws `BAD_WEIGHTS` naming the tensor when anything is wrong; with `finite` also when a value is NaN or infinite.
 */
export function decodeSafetensors(bytes: Uint8Array, options: { readonly finite?: boolean } = {}): Weights {
  const { tensors, dataStart, dataBytes } = parseSafetensorsHeader(bytes);
  if (bytes.length !== dataStart + dataBytes) {
    throw badWeights(`the header describes ${dataStart + dataBytes} bytes, the file has ${bytes.length}`);
  }
  const weights = new Map<string, WeightTensor>();
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    if (dtype !== 'F32') throw badWeights(`tensor "${name}" is ${dtype}; models hold F32`);
    const data = float32View(bytes.subarray(dataStart + begin, dataStart + end));
    if (options.finite && !allFinite(data)) throw badWeights(`tensor "${name}" has values that are NaN or infinite`);
    weights.set(name, { dtype, shape, data });
  }
  return weights;
}

/** The same bytes as float32: a view where they are aligned, else a copy. */
export function float32View(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
