import { FedcardioError } from '../../error.ts';
import type { AxisOrder } from '../../federation/schemas/model.ts';
import type { ModelConfig, SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Task } from '../../federation/tasks.ts';
import { decodeForeign } from '../../weights/foreign-tensors.ts';
import type { Tensors, Weights } from '../../weights/weights.ts';
import { axesOf } from '../axes.ts';
import { initialWeights } from '../initial-weights.ts';
import type { TrainedModel } from '../package.ts';
import { inAxisOrder } from './axis-order.ts';
import { requireSameNetwork } from './identify.ts';
import { axesOfMetadata, headsOfMetadata } from './metadata.ts';
import { monaiState, toMonai } from './monai.ts';
import { unwrapNames } from './names.ts';
import { nnunetState, toNnunet, withoutAliases } from './nnunet.ts';
import { inOwnOrder, type PatchMerging } from './patch-merging.ts';
import { exportedIndices, importedTables } from './position-index.ts';
import { fromState, unusedNames } from './state.ts';
import { encoderState, swinEncoderOf } from './swin-encoder.ts';

/** What an export needs of a trained model. */
type Exported = Pick<TrainedModel, 'model' | 'weights' | 'tasks' | 'patch'>;

/**
 * A model in PyTorch's format: MONAI's `SwinUNETR` or nnU-Net's `PlainConvUNet`, for volumes of RAS whose axes come in
 * this order. Throws as these conversions do.
 */
export function asTorch({ model, weights, tasks, patch }: Exported, axes: AxisOrder): Tensors {
  const own = axesOf(model);
  if (model.kind === 'unet') return inAxisOrder(toNnunet(weights, model, tasks), own, axes);
  requireAxesOf(model, axes);
  const tensors = inAxisOrder(toMonai(weights, model, tasks), own, axes);
  return new Map([...tensors, ...exportedIndices(tensors, model, patch, [own, axes])]);
}

/** What a state_dict does not say about itself. */
export interface ImportOptions {
  /**
   * Tasks of the output channels; by default those in the file's header, otherwise none: only the body is read.
   */
  readonly heads?: readonly Task[] | undefined;
  /**
   * Order in which the network got the axes of a volume. By default that in the file's header, otherwise that of its
   * tool: `xyz` for MONAI, `zyx` for nnU-Net.
   */
  readonly axes?: AxisOrder | undefined;
  /** Seed of the campaign, from which a decoder starts that the file does not have. Default 0. */
  readonly seed?: number | undefined;
  /** Swin UNETR: required, except for a file that fedcardio exported. */
  readonly patchMerging?: PatchMerging | undefined;
  /** Swin UNETR: whether it was made with `normalize=True`, by default assumed. */
  readonly normalize?: boolean | undefined;
}

/** A model from another tool's file. */
export interface Imported {
  readonly weights: Weights;
  /** What was changed, assumed or left out, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * The inverse of {@link asTorch}, from a safetensors file of any tool.
 *
 * @param stage the network that the weights are for, and the side of its patches, voxels
 * @throws FedcardioError `BAD_WEIGHTS` if the file does not hold this network, `BAD_CONFIGURATION` if it does not say
 *   which one it holds
 */
export function fromTorch(
  { model, patch }: Pick<TrainedModel, 'model' | 'patch'>,
  file: Uint8Array,
  options: ImportOptions = {},
): Imported {
  const { tensors, metadata, converted, unread } = decodeForeign(file);
  const { tensors: unwrapped, prefixes, beside } = unwrapNames(tensors);
  const isSwin = model.kind === 'swin-unetr';
  const encoder = isSwin ? swinEncoderOf(unwrapped) : undefined;
  const named = encoder?.tensors ?? (isSwin ? unwrapped : withoutAliases(unwrapped));
  requireSameNetwork(named, model);
  const own = headsOfMetadata(metadata);
  const heads = encoder ? [] : (options.heads ?? own ?? []);
  const whole = isSwin ? monaiState(model, heads) : nnunetState(model, heads);
  const state = encoder ? encoderState(whole) : whole;
  if (isSwin && options.normalize === false) throw notNormalized();
  const merging = options.patchMerging ?? (own && ((isSwin && model.merging) || 'monai-1.5'));
  const axes = fileAxes(axesOfMetadata(metadata), options.axes) ?? (isSwin ? 'xyz' : 'zyx');
  const order = [axes, axesOf(model)] as const;
  const merged = isSwin ? inOwnOrder(named, requireKnown(merging), model) : named;
  if (isSwin) requireAxesOf(model, axes);
  const tables = isSwin ? importedTables(merged, model, patch, order) : [];
  const ordered = new Map([...inAxisOrder(merged, ...order), ...tables]);
  const unused = [...beside, ...(encoder?.beside ?? []), ...unread, ...unusedNames(state, ordered.keys())].filter(
    // It follows from the window, or is in the tables.
    (name) => !name.endsWith('relative_position_index'),
  );
  const read = fromState(state, ordered);
  const weights = encoder ? new Map([...initialWeights(model, [], options.seed ?? 0), ...read]) : read;
  return {
    weights,
    notes: [
      ...(prefixes.length > 0 ? [`Taken off the names: ${prefixes.map((prefix) => `"${prefix}"`).join(', ')}.`] : []),
      ...[...converted].map(([dtype, count]) => `Converted from ${dtype} to float32: ${count} tensors.`),
      ...(isSwin && !own ? [`Patch merging is that of ${merging}.`] : []),
      ...(own || options.axes
        ? []
        : [`Assumed, because a state_dict does not show it: ${ASSUMED_AXES[model.kind]}. Say it with --axes.`]),
      ...(isSwin && !own && options.normalize === undefined
        ? ['Assumed, because a state_dict does not show it: normalize=True. Say it with --normalize.']
        : []),
      ...(unused.length > 0 ? [`Not used: ${unused.length} tensors, such as ${unused.slice(0, 3).join(', ')}.`] : []),
      ...(encoder
        ? [
            `Used: the transformer, ${read.size} tensors swinViT.*. The decoder, ${weights.size - read.size} tensors, starts from the campaign's seed.`,
          ]
        : []),
      ...(heads.length === 0
        ? [encoder ? 'The heads start anew.' : 'The heads start anew: --heads names the tasks of the output channels.']
        : []),
    ],
  };
}

const ASSUMED_AXES: Readonly<Record<ModelConfig['kind'], string>> = {
  'swin-unetr': "axes [x, y, z], as MONAI's transforms make them",
  unet: 'axes [z, y, x], as nnU-Net reads images',
};

function fileAxes(written: AxisOrder | undefined, said: AxisOrder | undefined): AxisOrder | undefined {
  if (written === undefined || said === undefined || written === said) return written ?? said;
  throw new FedcardioError('BAD_CONFIGURATION', `The file's header says that its axes are ${written}, not ${said}.`, {
    hint: 'Leave --axes out.',
  });
}

/** Patch merging that reads only some corners has no equal in another order of axes. */
function requireAxesOf(model: SwinUnetrConfig, axes: AxisOrder): void {
  if (model.merging === undefined || axes === axesOf(model)) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `A network with "merging": "${model.merging}" cannot be converted to other axes: it has ${axesOf(model)}, the weights or the export ${axes}.`,
    { hint: `Give the stage's "model" the "axes" of the weights, or export with --axes ${axesOf(model)}.` },
  );
}

const notNormalized = (): FedcardioError =>
  new FedcardioError(
    'BAD_WEIGHTS',
    'A SwinUNETR with normalize=False cannot be imported: without the layer norm of the features that each stage passes on, it is another network.',
    { hint: 'Train it for some epochs with normalize=True, the default, and import that.' },
  );

function requireKnown(merging: PatchMerging | undefined): PatchMerging {
  if (merging !== undefined) return merging;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    'A state_dict of MONAI\'s SwinUNETR does not say in which order its patch merging reads the corners: MONAI 1.5 changed it, and downsample="mergingv2" has another.',
    {
      hint: 'Say it with --patch-merging: monai-1.5 (the default of MONAI 1.5 or later), monai-1.4 (the default before), or mergingv2.',
    },
  );
}
