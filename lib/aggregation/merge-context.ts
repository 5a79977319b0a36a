import { FedcardioError } from '../error.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import type { OpenFile } from './files.ts';
import type { OpenInput, Refused } from './inputs.ts';
import { GROUP } from './kernels.ts';
import { segmentsOf } from './layout.ts';
import type { MergeOptions } from './merge-options.ts';
import type { PassOptions, Source } from './pass.ts';
import type { PrivateMerge } from './private-sum.ts';
import { type Slice, slicesOf } from './slices.ts';
import type { Strategy } from './strategies/strategy.ts';

export interface Base extends OpenFile {
  /** The server optimiser's moments; undefined if they are zero. */
  readonly state: OpenFile | undefined;
}

/** A merge whose files have been opened and found to have one layout. */
export interface MergeContext extends PassOptions {
  readonly options: MergeOptions;
  readonly strategy: Strategy;
  readonly base: Base | undefined;
  /** At least one. */
  readonly updates: readonly OpenInput[];
  /** Set if the updates are merged with differential privacy. */
  readonly privacy: PrivateMerge | undefined;
  /** Faults of updates found while they are read are added here. */
  readonly refused: Refused[];
}

export interface MergeSource extends Source {
  readonly role: 'base' | 'state' | 'update';
}

/** Source of an update. A fault refuses the update. */
export const updateSource =
  ({ refused }: MergeContext) =>
  (update: OpenInput): MergeSource => ({
    ...update,
    role: 'update',
    width: 1,
    fail: (reason) => {
      const { input } = update;
      refused.push({ input, reason, permanent: true });
      return new FedcardioError('BAD_UPDATE', `${input.weights.key}: ${reason}.`);
    },
  });

/** Source of the base or its state. A fault is not attributed to any update. */
export const ownSource = (open: OpenFile, role: 'base' | 'state', width = 1): MergeSource => ({
  ...open,
  role,
  width,
  fail: (reason) => badWeights(`${open.file.key}: ${reason}.`),
});

/** Most bytes of a block, which is read with one request. */
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Most bytes of slices that are held in memory at a time. */
const HELD_BYTES = 24 * 1024 * 1024;

/**
 * The slices of a pass, sized so that memory depends neither on the number of updates nor on the model.
 *
 * @param rows number of F32 slices held at a time
 * @param width most values that a file has for each value of the model
 */
export function slicesOfMerge({ options, updates }: MergeContext, { rows = 1, width = 1 } = {}): readonly Slice[] {
  const bytes = Math.min(BLOCK_BYTES / width, HELD_BYTES / rows, options.sliceBytes ?? BLOCK_BYTES);
  const groups = Math.max(1, Math.floor(bytes / (4 * GROUP)));
  const groupOf = (name: string) => updates.map(({ untrained }) => (untrained.has(name) ? '-' : '+')).join('');
  return slicesOf(segmentsOf(updates[0]?.header.tensors ?? new Map(), groupOf), groups * GROUP);
}
