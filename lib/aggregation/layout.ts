import type { Encoding } from '../federation/schemas.ts';
import type { TensorShape } from '../weights/safetensors.ts';
import type { SafetensorsHeader } from '../weights/safetensors-header.ts';
import { elementsOf } from '../weights/weights.ts';

/** Names, types and shapes of a file's tensors in byte order. Files must share them to be merged. */
export type Layout = ReadonlyMap<string, TensorShape>;

const isInteger = (dtype: string): boolean => dtype === 'I32' || dtype === 'I64';

/** The same layout with another type of floats, as encoded updates have it. */
export const withFloats = (layout: Layout, dtype: Encoding['dtype']): Layout =>
  new Map([...layout].map(([name, entry]) => [name, isInteger(entry.dtype) ? entry : { ...entry, dtype }]));

/**
 * Why a file of weights cannot be merged with any other; undefined if it can.
 *
 * @param bytes length of the file
 * @param floats required type of its floats
 */
export function fileFault(
  { tensors, dataStart, dataBytes }: SafetensorsHeader,
  bytes: number,
  floats: Encoding['dtype'],
): string | undefined {
  if (dataStart + dataBytes !== bytes) {
    return `the weights' header describes ${dataStart + dataBytes} bytes, the update's metadata says ${bytes}`;
  }
  const other = [...tensors].find(([, { dtype }]) => dtype !== floats && !isInteger(dtype));
  if (other) return `tensor "${other[0]}" is ${other[1].dtype}; floats must be ${floats}`;
  return dataBytes === 0 ? 'the weights hold no values' : undefined;
}

const textOf = (layout: Layout): string =>
  JSON.stringify([...layout].map(([name, { dtype, shape }]) => [name, dtype, shape]));

/**
 * Describes the first difference of a file's layout from the expected one; undefined if they are equal.
 *
 * @param than what has the expected layout, for the message: "the global model"
 */
export function layoutDifference(actual: Layout, expected: Layout, than: string): string | undefined {
  if (textOf(actual) === textOf(expected)) return undefined;
  for (const [name, { dtype, shape }] of expected) {
    const other = actual.get(name);
    if (!other) return `tensor "${name}" of ${than} is missing`;
    const [is, should] = [`${other.dtype} [${other.shape}]`, `${dtype} [${shape}]`];
    if (is !== should) return `tensor "${name}" is ${is}, in ${than} it is ${should}`;
  }
  const extra = [...actual.keys()].find((name) => !expected.has(name));
  return extra === undefined
    ? `the tensors are in a different order than in ${than}`
    : `${than} has no tensor "${extra}"`;
}

/**
 * The most common layout; the earliest of equally common ones. It stands in for the global model in a stage's first round,
 * so that one deviating update does not get all others refused.
 */
export function commonLayout(layouts: readonly Layout[]): Layout | undefined {
  const counts = new Map<string, number>();
  for (const layout of layouts) counts.set(textOf(layout), (counts.get(textOf(layout)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return layouts.find((layout) => counts.get(textOf(layout)) === most);
}

/** Consecutive tensors of one kind, which are read as one array. */
export interface Segment {
  readonly kind: 'float' | 'I32' | 'I64';
  /** In byte order; `start` is the number of values before the tensor. */
  readonly tensors: readonly { readonly name: string; readonly start: number }[];
  readonly elements: number;
}

/**
 * The segments of a layout in byte order, without empty ones.
 *
 * @param groupOf group of a tensor; a segment contains tensors of one group only
 */
export function segmentsOf(layout: Layout, groupOf: (name: string) => string = () => ''): readonly Segment[] {
  const segments: Segment[] = [];
  for (const [name, { dtype, shape }] of layout) {
    const kind = dtype === 'I32' || dtype === 'I64' ? dtype : 'float';
    const before = segments.at(-1);
    const joins = before?.kind === kind && groupOf(before.tensors[0]?.name ?? '') === groupOf(name);
    const last = joins ? segments.pop() : undefined;
    const start = last?.elements ?? 0;
    const tensors = [...(last?.tensors ?? []), { name, start }];
    segments.push({ kind, tensors, elements: start + elementsOf(shape) });
  }
  return segments.filter(({ elements }) => elements > 0);
}
