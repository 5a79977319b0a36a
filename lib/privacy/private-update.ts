import { sortedNames, type Weights, type WeightTensor } from '../weights/weights.ts';
import { noiseGrid } from './round-noise.ts';

/** Updates are scaled to this share of the clip: float32 rounds some of them up, and the coordinator would clip them again. */
const MARGIN = 1 - 2 ** -20;

/** The L2 norm of a difference over all values, in float64. */
export function differenceNorm(weights: Weights, from: Weights): number {
  let sum = 0;
  for (const name of sortedNames(weights)) {
    const { data } = weights.get(name) as WeightTensor;
    const start = from.get(name)?.data as Float32Array;
    for (let i = 0; i < data.length; i++) sum += ((data[i] as number) - (start[i] as number)) ** 2;
  }
  return Math.sqrt(sum);
}

/** What a difference of this norm is scaled with to be at most `clip`. */
export const scaleTo = (clip: number, norm: number): number => (norm > clip ? (MARGIN * clip) / norm : 1);

/**
 * A site's weights with a difference of at most `clip` from where it started, and with noise if there is any: the difference
 * is then rounded to the grid of {@link noiseGrid}, and each value gets its noise there.
 *
 * @param from of the same names and shapes
 * @param draw noise of the next value in steps, in the order of the file
 */
export function privateUpdate(
  weights: Weights,
  from: Weights,
  terms: { readonly clip: number; readonly noiseMultiplier: number },
  draw?: () => number,
): { readonly weights: Weights; readonly clipped: boolean } {
  const norm = differenceNorm(weights, from);
  const clipped = norm > terms.clip;
  if (!clipped && !draw) return { weights, clipped };
  const factor = scaleTo(terms.clip, norm);
  const { step } = noiseGrid(terms, 0);
  const change = draw
    ? (difference: number) => (Math.round((difference * factor) / step) + draw()) * step
    : (difference: number) => difference * factor;
  const entries = sortedNames(weights).map((name): [string, WeightTensor] => {
    const tensor = weights.get(name) as WeightTensor;
    const start = from.get(name)?.data as Float32Array;
    const data = new Float32Array(tensor.data.length);
    for (let i = 0; i < data.length; i++) {
      const at = start[i] as number;
      data[i] = at + change((tensor.data[i] as number) - at);
    }
    return [name, { ...tensor, data }];
  });
  return { weights: new Map(entries), clipped };
}

/** The number of values of an update. */
export const dimensionOf = (weights: Weights): number =>
  [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
