import { FedcardioError, isFedcardioError } from '../error.ts';
import type { Encoding } from '../federation/schemas.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import { untrainedMetadata } from '../weights/untrained.ts';
import type { Weights, WeightTensor } from '../weights/weights.ts';

/** The weights that a site sends: a safetensors file, and whether it holds the difference from the global model. */
export interface EncodedUpdate {
  readonly bytes: Uint8Array;
  readonly delta: boolean;
}

/**
 * Encodes a site's weights for sending. As a difference from the global model they lose less as half floats, whose
 * error is relative: at most 2⁻¹¹ of a value in F16, 2⁻⁸ in BF16. Below 2⁻¹⁴ the error of F16 is absolute, 2⁻²⁵.
 *
 * @param global weights that the round started from, of the same names and shapes; undefined in a stage's first round,
 *   which sends whole weights
 * @param untrained names of weights that made no step; the header lists them
 * @throws FedcardioError `BAD_WEIGHTS` if a value exceeds the type's range (65,504 in F16)
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
      hint: 'Encode the stage as BF16 or F32. If the values keep growing, lower the learning rate.',
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
