import { elementsOf } from '../../weights/weights.ts';

/** PyTorch's layout of a parameter, by the rule of `Parameter`. The first axis is that of the output channels. */
type Layout = 'filter' | 'matrix' | 'same';

const layoutOf = (name: string, axes: number): Layout =>
  axes === 5 ? 'filter' : axes === 2 && name.endsWith('.weight') ? 'matrix' : 'same';

/** Shape in PyTorch of a parameter with this shape here. */
export function torchShape(name: string, shape: readonly number[]): readonly number[] {
  const layout = layoutOf(name, shape.length);
  return layout === 'same' ? shape : (layout === 'filter' ? [4, 3, 0, 1, 2] : [1, 0]).map((axis) => shape[axis]!);
}

/** A parameter's values in PyTorch's order. In both directions, `shape` is the parameter's shape here. */
export const toTorch = (name: string, shape: readonly number[], data: Float32Array): Float32Array =>
  layoutOf(name, shape.length) === 'same' ? data : reverseAxes(data, ...blocks(shape));

/** The inverse of {@link toTorch}. */
export function fromTorch(name: string, shape: readonly number[], data: Float32Array): Float32Array {
  if (layoutOf(name, shape.length) === 'same') return data;
  const [taps, inputs, outputs] = blocks(shape);
  return reverseAxes(data, outputs, inputs, taps);
}

/** A filter [z, y, x, in, out] as [taps, in, out], a matrix [in, out] as [1, in, out]. */
const blocks = (shape: readonly number[]): [number, number, number] => [
  elementsOf(shape.slice(0, -2)),
  shape.at(-2)!,
  shape.at(-1)!,
];

/** Transposes [a, b, c] to [c, b, a]. */
function reverseAxes(data: Float32Array, a: number, b: number, c: number): Float32Array {
  const reversed = new Float32Array(data.length);
  let target = 0;
  for (let k = 0; k < c; k++) {
    for (let j = 0; j < b; j++) {
      for (let i = 0, source = j * c + k; i < a; i++, source += b * c) reversed[target++] = data[source]!;
    }
  }
  return reversed;
}
