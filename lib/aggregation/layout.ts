import type { Encoding } from '../federation/schemas.ts';
import type { TensorShape } from '../weights/safetensors.ts';
import type { SafetensorsHeader } from '../weights/safetensors-header.ts';
import { elementsOf } from '../weights/weights.ts';

/** What files must share to be merged: names, types and shapes, in the order of their bytes. */
export type Layout = ReadonlyMap<string, TensorShape>;

const isInteger = (dtype: string): boolean => dtype === 'I32' || dtype === 'I64';

/** The same tensors with floats of another type: the layout of updates that were encoded so. */
export const withFloats = (layout: Layout, dtype: Encoding['dtype']): Layout =>
  new Map([...layout].map(([name, entry]) => [name, isInteger(entry.dtype) ? entry : { ...entry, dtype }]));

/** Why a file of weights cannot be merged with any other; undefined where it can. `bytes` is its length. */
export function fileFault(
  { tensors, dataStart, dataBytes }: SafetensorsHeader,
  bytes: number,
  floats: Encoding['dtype'],
): string | undefined {
  if (dataStart + dataBytes !== bytes) {
    return `the weights' header describes ${dataStart + dataBytes} bytes, the update's metadata says ${bytes}`;
  }
  const other = [...tensors].find(([, { dtype }]) => dtype !== floats && !isInteger(dtype));
  if (other) return `tensor "${other[0]}" is ${other[1].dtype}; floats are to be ${floats}`;
  return dataBytes === 0 ? 'the weights hold no values' : undefined;
}

const textOf = (layout: Layout): string =>
  JSON.stringify([...layout].map(([name, { dtype, shape }]) => [name, dtype, shape]));

/**
 * The first difference of a file's layout from the expected, in words; undefined where there is none.
 *
 * @param than whose layout is expected, for the sentence: "the global model"
 */
export function layoutDifference(actual: Layout, expected: Layout, than: string): string | undefined {
  if (textOf(actual) === textOf(expected)) return undefined;
  for (const [name, { dtype, shape }] of expected) {
    const other = actual.get(name);
    if (!other) return `tensor "${name}" of ${than} is missing`;
    const [is, should] = [`${other.dtype} [${other.shape}]`, `${dtype} [${shape}]`];
    if (is !== should) return `tensor "${name}" is ${is}, by ${than} ${should}`;
  }
  const extra = [...actual.keys()].find((name) => !expected.has(name));
  return extra === undefined ? `the tensors are in another order than in ${than}` : `${than} has no tensor "${extra}"`;
}

/**
 * The layout that most of the files have, of equally frequent ones that of the earliest: with no global model to
 * compare with, one odd update must not turn all others away.
 */
export function commonLayout(layouts: readonly Layout[]): Layout | undefined {
  const counts = new Map<string, number>();
  for (const layout of layouts) counts.set(textOf(layout), (counts.get(textOf(layout)) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return layouts.find((layout) => counts.get(textOf(layout)) === most);
}

/** Tensors of one kind that follow each other in every file of a layout, so that they can be read as one array. */
export interface Segment {
  readonly kind: 'float' | 'I32' | 'I64';
  /** In order, and how many values come before each. */
  readonly tensors: readonly { readonly name: string; readonly start: number }[];
  readonly elements: number;
}

/**
 * A layout as segments, in the order of its bytes.
 *
 * @param groupOf a tensor's group: a segment has tensors of one
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
