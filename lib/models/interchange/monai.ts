import { FedcardioError } from '../../error.ts';
import type { SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Task } from '../../federation/tasks.ts';
import type { Tensor, Tensors, Weights } from '../../weights/weights.ts';
import type { Parameter } from '../parameters.ts';
import { swinUnetrParameters } from '../swin-unetr-parameters.ts';
import { relativePositionIndex } from '../windows.ts';
import { type Filler, fromState, type State, type StateEntry, toState } from './state.ts';

/**
 * A Swin UNETR's weights as the `state_dict` of MONAI's `SwinUNETR` (1.5.0 or later, `use_v2=False`,
 * `downsample="merging"`) with one input channel and the output channels of all heads: they are concatenated in
 * `out.conv.conv`, in the order of `heads`.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` for a network that MONAI does not have, `BAD_WEIGHTS` if the weights are
 *   not those of `config` and `heads`
 */
export const toMonai = (weights: Weights, config: SwinUnetrConfig, heads: readonly Task[]): Tensors =>
  toState(monaiState(config, heads), weights);

/**
 * The inverse of {@link toMonai}, for files exported by fedcardio and for MONAI's own checkpoints. Without heads the
 * output convolution is left out, and may have any channels.
 *
 * @param heads tasks of the output channels, in their order
 * @throws FedcardioError as {@link toMonai}
 */
export const fromMonai = (tensors: Tensors, config: SwinUnetrConfig, heads: readonly Task[]): Weights =>
  fromState(monaiState(config, heads), tensors);

/** MONAI's names and shapes. */
export function monaiState(config: SwinUnetrConfig, heads: readonly Task[]): State {
  requireMonai(config);
  const parameters = new Map(swinUnetrParameters(config, heads).map((parameter) => [parameter.name, parameter]));
  const output = (kind: string): StateEntry => ({
    name: `out.conv.conv.${kind}`,
    parts: heads.map((task) => parameters.get(`out.${task.id}.conv.conv.${kind}`)!),
  });
  const body = swinUnetrParameters(config, []).map((parameter): StateEntry => {
    return { name: parameter.name, parts: [parameter] };
  });
  return {
    module: "MONAI's SwinUNETR",
    entries: heads.length > 0 ? [...body, output('weight'), output('bias')] : body,
    fillers: positionIndices(config, [...parameters.values()]),
    outputs: 'out.',
  };
}

/** MONAI stores each table of position biases together with its index, which follows from the window. */
function positionIndices({ window }: SwinUnetrConfig, parameters: readonly Parameter[]): readonly Filler[] {
  const tokens = window ** 3;
  let index: Tensor | undefined;
  const make = (): Tensor => {
    index ??= {
      dtype: 'I64',
      shape: [tokens, tokens],
      data: BigInt64Array.from(relativePositionIndex(window, tokens), BigInt),
    };
    return index;
  };
  return parameters
    .filter(({ name }) => name.endsWith('relative_position_bias_table'))
    .map(({ name }) => ({ name: name.replace(/bias_table$/, 'index'), shape: [tokens, tokens], make }));
}

function requireMonai({ depths, featureSize }: SwinUnetrConfig): void {
  if (depths.length === 4 && featureSize % 12 === 0) return;
  const problem =
    depths.length === 4 ? `a feature size of ${featureSize}` : `${depths.length} stages of transformer blocks`;
  throw new FedcardioError('BAD_CONFIGURATION', `MONAI has no SwinUNETR with ${problem}.`, {
    hint: 'It has four stages, and feature sizes that are multiples of 12.',
  });
}
