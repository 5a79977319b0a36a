import { belowPrefix, withPrefix } from '../weights/prefixed.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { Weights, WeightTensor } from '../weights/weights.ts';
import type { ModelState } from './train-model.ts';
import type { RoundState } from './train-round.ts';

/**
 * The file of an in-round checkpoint: tensors `weights/…`, `optimizer/…` and `losses`, for SCAFFOLD `gradients/…`, and for
 * Ditto's personal model the same names below `personal/`; notes in the header.
 */
export function encodeRoundState(state: RoundState, notes: Readonly<Record<string, string>>): Uint8Array {
  const { gradients, personal, seconds } = state;
  const tensors = new Map([
    ...tensorsOf(state),
    ...withPrefix(GRADIENTS, gradients ?? new Map()),
    ...withPrefix(PERSONAL, personal ? tensorsOf(personal) : new Map()),
  ]);
  return encodeSafetensors(tensors, { ...notes, ...(seconds !== undefined && { [SECONDS]: String(seconds) }) });
}

/** Decodes such a file. Throws `BAD_WEIGHTS` if it is damaged. Loading it tells whether it fits a network. */
export function decodeRoundState(bytes: Uint8Array): {
  readonly state: RoundState;
  readonly notes: Readonly<Record<string, string>>;
} {
  const tensors = decodeSafetensors(bytes);
  const [gradients, personal] = [GRADIENTS, PERSONAL].map((prefix) => belowPrefix(prefix, tensors)) as [
    Weights,
    Weights,
  ];
  const { [SECONDS]: seconds, ...notes } = parseSafetensorsHeader(bytes).metadata;
  const spent = seconds === undefined ? undefined : Number(seconds);
  const state = {
    ...stateIn(tensors),
    ...(spent !== undefined && spent >= 0 && { seconds: spent }),
    ...(gradients.size > 0 && { gradients }),
    ...(personal.size > 0 && { personal: stateIn(personal) }),
  };
  return { state, notes };
}

const WEIGHTS = 'weights/';
const OPTIMIZER = 'optimizer/';
const LOSSES = 'losses';
/** Note with the seconds of training, in the header. */
const SECONDS = 'seconds';
const GRADIENTS = 'gradients/';
const PERSONAL = 'personal/';

const tensorsOf = ({ weights, optimizer, losses }: ModelState): Weights =>
  new Map<string, WeightTensor>([
    ...withPrefix(WEIGHTS, weights),
    ...withPrefix(OPTIMIZER, optimizer),
    [LOSSES, { dtype: 'F32', shape: [losses.length], data: losses }],
  ]);

const stateIn = (tensors: Weights): ModelState => ({
  weights: belowPrefix(WEIGHTS, tensors),
  optimizer: belowPrefix(OPTIMIZER, tensors),
  losses: tensors.get(LOSSES)?.data ?? new Float32Array(),
});
