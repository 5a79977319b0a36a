import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { Weights, WeightTensor } from '../weights/weights.ts';
import type { RoundState } from './train-round.ts';

/** The file of an in-round checkpoint: tensors `weights/…`, `optimizer/…` and `losses`, and notes in the header. */
export function encodeRoundState(state: RoundState, notes: Readonly<Record<string, string>>): Uint8Array {
  const { weights, optimizer, losses, seconds } = state;
  const tensors = new Map<string, WeightTensor>([
    ...under(WEIGHTS, weights),
    ...under(OPTIMIZER, optimizer),
    [LOSSES, { dtype: 'F32', shape: [losses.length], data: losses }],
  ]);
  return encodeSafetensors(tensors, { ...notes, ...(seconds !== undefined && { [SECONDS]: String(seconds) }) });
}

/** Decodes such a file. Throws `BAD_WEIGHTS` if it is damaged. Loading it tells whether it fits a network. */
export function decodeRoundState(bytes: Uint8Array): {
  readonly state: RoundState;
  readonly notes: Readonly<Record<string, string>>;
} {
  const tensors = decodeSafetensors(bytes);
  const below = (prefix: string): Weights =>
    new Map([...tensors].flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])));
  const losses = tensors.get(LOSSES)?.data ?? new Float32Array();
  const { [SECONDS]: seconds, ...notes } = parseSafetensorsHeader(bytes).metadata;
  const spent = seconds === undefined ? undefined : Number(seconds);
  const state = { weights: below(WEIGHTS), optimizer: below(OPTIMIZER), losses };
  return { state: { ...state, ...(spent !== undefined && spent >= 0 && { seconds: spent }) }, notes };
}

const WEIGHTS = 'weights/';
const OPTIMIZER = 'optimizer/';
const LOSSES = 'losses';
/** Note with the seconds of training, in the header. */
const SECONDS = 'seconds';

const under = (prefix: string, tensors: Weights) =>
  [...tensors].map(([name, tensor]) => [prefix + name, tensor] as const);
