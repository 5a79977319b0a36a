import { asControls, controlsIn } from '../models/control-variates.ts';
import { type ControlVariates, createControlVariates } from '../nn/control-variates.ts';
import type { tf } from '../nn/tf.ts';
import { elementsOf, type Weights, type WeightTensor } from '../weights/weights.ts';

/** SCAFFOLD (Karimireddy et al. 2020) in a site's round. */
export interface Scaffold extends Pick<ControlVariates, 'correct' | 'read' | 'dispose'> {
  /**
   * The site's control variates after the round, as they are sent and stored: its mean gradients. A parameter without a
   * gradient in the round keeps what the site has, or otherwise what the federation has; at first zeros.
   */
  next(variables: ReadonlyMap<string, Pick<tf.Variable, 'shape'>>): Weights;
}

/**
 * Without control variates of the federation (a stage's first round) or of the site (its own first round) gradients are not
 * corrected.
 *
 * @param global the round's global model with the federation's control variates c, which are means of the sites' as merged
 *   with the weights
 * @param local the site's own control variates cᵢ, from the last round that it took part in
 * @param sums of an interrupted round
 */
export function openScaffold(
  global: Weights | undefined,
  local: Weights | undefined,
  sums: Weights | undefined,
): Scaffold {
  const [federation, own] = [global, local].map((weights) => controlsIn(weights ?? new Map())) as [Weights, Weights];
  const correction = federation.size > 0 && own.size > 0 ? differences(federation, own) : undefined;
  const { means, ...control } = createControlVariates(correction, sums);
  return {
    ...control,
    next: (variables) => {
      const mean = means();
      const nextOf = (name: string) => mean.get(name) ?? own.get(name) ?? federation.get(name);
      return asControls(new Map([...variables].map(([name, { shape }]) => [name, nextOf(name) ?? zeros(shape)])));
    },
  };
}

/** Tensors that the second lacks become empty, so that their size tells. */
const differences = (a: Weights, b: Weights): Weights =>
  new Map(
    [...a].map(([name, tensor]): [string, WeightTensor] => {
      const other = b.get(name)?.data;
      if (other?.length !== tensor.data.length) return [name, { ...tensor, data: new Float32Array() }];
      return [name, { ...tensor, data: tensor.data.map((value, i) => value - (other[i] as number)) }];
    }),
  );

const zeros = (shape: readonly number[]): WeightTensor => ({
  dtype: 'F32',
  shape: [...shape],
  data: new Float32Array(elementsOf(shape)),
});
