import { encodeSafetensorsHeader, type TensorShape } from '../weights/safetensors.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import type { OpenFile } from './files.ts';
import { type Layout, layoutDifference } from './layout.ts';

/**
 * The file of a server optimiser's moments: a tensor for each of the model's float tensors, with its name and one more
 * axis, the last, for the moments in the order that the metadata's `moments` gives. So the moments of a value lie side by
 * side, and the file can be read, written and hashed slice by slice with the model.
 */
function stateLayout(model: Layout, moments: readonly string[]): ReadonlyMap<string, TensorShape> {
  const floats = [...model].filter(([, { dtype }]) => dtype !== 'I32' && dtype !== 'I64');
  return new Map(floats.map(([name, { shape }]) => [name, { dtype: 'F32', shape: [...shape, moments.length] }]));
}

const metadataOf = (moments: readonly string[]) => ({ moments: moments.join() });

export const encodeStateHeader = (model: Layout, moments: readonly string[]): Uint8Array =>
  encodeSafetensorsHeader(stateLayout(model, moments), metadataOf(moments));

/** Throws `BAD_WEIGHTS` when a file does not hold these moments of this model. */
export function requireState({ file, header }: OpenFile, model: Layout, moments: readonly string[]): void {
  const expected = metadataOf(moments).moments;
  const { moments: actual = 'none' } = header.metadata;
  const difference =
    actual === expected
      ? layoutDifference(header.tensors, stateLayout(model, moments), 'the optimiser')
      : `the moments are ${actual}, not ${expected}`;
  if (difference !== undefined) throw badWeights(`${file.key} is no state of this stage's optimiser: ${difference}`);
}
