import { allFinite } from './finite.ts';
import { requireWhole, tensorOf } from './safetensors.ts';
import { badWeights, DTYPE_BYTES, type Dtype, type ForeignDtype, parseForeignHeader } from './safetensors-header.ts';
import type { Tensor, Tensors } from './weights.ts';

/** The contents of a safetensors file that another tool wrote. */
export interface ForeignTensors {
  /** Floats as float32, and the integers that a PyTorch module keeps: I32 and I64. */
  readonly tensors: Tensors;
  readonly metadata: Readonly<Record<string, string>>;
  /** Number of tensors that were converted to float32, by their type in the file. */
  readonly converted: ReadonlyMap<string, number>;
  /** Names of tensors of other types, such as BOOL. */
  readonly unread: readonly string[];
}

/**
 * Reads another tool's safetensors file. Every value must be finite in float32.
 *
 * @throws FedcardioError `BAD_WEIGHTS` that names the tensor
 */
export function decodeForeign(bytes: Uint8Array): ForeignTensors {
  const header = parseForeignHeader(bytes);
  requireWhole(bytes, header);
  const tensors = new Map<string, Tensor>();
  const converted = new Map<string, number>();
  const unread: string[] = [];
  for (const [name, { dtype, shape, begin, end }] of header.tensors) {
    const raw = bytes.subarray(header.dataStart + begin, header.dataStart + end);
    if (dtype !== 'F64' && !isRead(dtype)) {
      unread.push(name);
      continue;
    }
    const tensor = dtype === 'F64' ? fromDouble(name, shape, raw) : tensorOf(dtype, shape, raw);
    if (tensor.dtype === 'F32' && !allFinite(tensor.data)) {
      throw badWeights(`tensor "${name}" has values that are NaN or infinite.`);
    }
    if (tensor.dtype === 'F32' && dtype !== 'F32') converted.set(dtype, (converted.get(dtype) ?? 0) + 1);
    tensors.set(name, tensor);
  }
  return { tensors, metadata: header.metadata, converted, unread };
}

const isRead = (dtype: ForeignDtype): dtype is Dtype => Object.hasOwn(DTYPE_BYTES, dtype);

/** Rounds to the nearest float32. A finite value beyond its range, 3.4e38, would become infinite and is refused. */
function fromDouble(name: string, shape: readonly number[], raw: Uint8Array): Tensor {
  const doubles = new Float64Array(Uint8Array.from(raw).buffer);
  const data = Float32Array.from(doubles);
  const lost = doubles.findIndex((value, i) => Number.isFinite(value) && !Number.isFinite(data[i] as number));
  if (lost >= 0) throw badWeights(`tensor "${name}" holds ${doubles[lost]}, which float32 cannot hold.`);
  return { dtype: 'F32', shape, data };
}
