import { encodeSafetensorsHeader, type TensorShape } from '../weights/safetensors.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import type { OpenFile } from './files.ts';
import { type Layout, layoutDifference } from './layout.ts';

/**
 * Layout of the file of a server optimiser's moments: each float tensor of the model, with one more axis at the end for the
 * moments, in the order of `moments` in the metadata. The moments of a value are adjacent, so that the file is read,
 * written and hashed in the same slices as the model.
 */
function stateLayout(model: Layout, moments: readonly string[]): ReadonlyMap<string, TensorShape> {
  const floats = [...model].filter(([, { dtype }]) => dtype !== 'I32' && dtype !== 'I64');
  return new Map(floats.map(([name, { shape }]) => [name, { dtype: 'F32', shape: [...shape, moments.length] }]));
}

const metadataOf = (moments: readonly string[]) => ({ moments: moments.join() });

export const encodeStateHeader = (model: Layout, moments: readonly string[]): Uint8Array =>
  encodeSafetensorsHeader(stateLayout(model, moments), metadataOf(moments));

/** Throws `BAD_WEIGHTS` if a file does not hold these moments of this model. */
export function requireState({ file, header }: OpenFile, model: Layout, moments: readonly string[]): void {
  const expected = metadataOf(moments).moments;
  const { moments: actual = 'none' } = header.metadata;
  const difference =
    actual === expected
      ? layoutDifference(header.tensors, stateLayout(model, moments), 'the optimiser')
      : `the moments are ${actual}, not ${expected}`;
  if (difference !== undefined)
    throw badWeights(`${file.key} is not the state of this stage's optimiser: ${difference}.`);
}
