import { FedcardioError, isFedcardioError } from '../error.ts';
import type { Encoding } from '../federation/schemas.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import { untrainedMetadata } from '../weights/untrained.ts';
import type { Weights, WeightTensor } from '../weights/weights.ts';

/** What a site sends of a model: a safetensors file, and whether it holds the difference to the global model. */
export interface EncodedUpdate {
  readonly bytes: Uint8Array;
  readonly delta: boolean;
}

/**
 * A site's weights as they travel. As the difference to the global model they lose less as half floats, whose error
 * is relative: at most 2⁻¹¹ of a value in F16, 2⁻⁸ in BF16. Below 2⁻¹⁴ it is absolute in F16, 2⁻²⁵.
 *
 * @param global what they were trained from, of the same names and shapes; undefined in a stage's first round, which
 *   sends whole weights.
 * @param untrained names of weights that the site had nothing to train with: the header lists them
 * @throws FedcardioError `BAD_WEIGHTS` where a value is beyond the type's range (65,504 in F16).
 */
export function encodeUpdate(
  weights: Weights,
  global: Weights | undefined,
  encoding: Encoding,
  untrained: readonly string[] = [],
): EncodedUpdate {
  const delta = encoding.delta && global !== undefined;
  const sent = delta ? differences(weights, global) : weights;
  try {
    return { bytes: encodeSafetensors(sent, untrainedMetadata(untrained), { dtype: encoding.dtype }), delta };
  } catch (cause) {
    if (!isFedcardioError(cause, 'BAD_WEIGHTS')) throw cause;
    throw new FedcardioError('BAD_WEIGHTS', `the update cannot be sent as ${encoding.dtype}: ${cause.message}`, {
      cause,
      hint: 'Encode the stage as BF16 or F32; if the values grow without end, lower the learning rate.',
    });
  }
}

const differences = (weights: Weights, global: Weights): Weights =>
  new Map(
    [...weights].map(([name, { shape, data }]): [string, WeightTensor] => {
      const from = global.get(name)?.data ?? [];
      return [name, { dtype: 'F32', shape, data: data.map((value, i) => value - (from[i] as number)) }];
    }),
  );
