import { FedcardioError } from '../error.ts';
import { badWeights } from '../weights/header.ts';
import type { OpenFile } from './files.ts';
import type { OpenInput, Refused } from './inputs.ts';
import { segmentsOf } from './layout.ts';
import type { MergeOptions } from './merge.ts';
import type { Source } from './pass.ts';
import { LANES } from './products.ts';
import { type Slice, slicesOf } from './slices.ts';
import type { Strategy } from './strategy.ts';

export interface Base extends OpenFile {
  /** The server optimiser's moments; without them they are zero. */
  readonly state: OpenFile | undefined;
}

/** A merge whose files have been opened and compared: all are of one layout. */
export interface Opened {
  readonly options: MergeOptions;
  readonly strategy: Strategy;
  readonly base: Base | undefined;
  /** At least one. */
  readonly updates: readonly OpenInput[];
  /** What a pass finds wrong with an update is added here. */
  readonly refused: Refused[];
}

export interface MergeSource extends Source {
  readonly role: 'base' | 'state' | 'update';
}

/** An update as what a pass reads. */
export const updateSource =
  ({ refused }: Opened) =>
  (update: OpenInput): MergeSource => ({
    ...update,
    role: 'update',
    width: 1,
    fail: (reason) => {
      const { input } = update;
      refused.push({ input, reason, forGood: true });
      return new FedcardioError('BAD_UPDATE', `${input.weights.key}: ${reason}`);
    },
  });

/** The base or its state as what a pass reads: what is wrong with these is no update's fault. */
export const ownSource = (open: OpenFile, role: 'base' | 'state', width = 1): MergeSource => ({
  ...open,
  role,
  width,
  fail: (reason) => badWeights(`${open.file.key}: ${reason}`),
});

/** Bytes of a slice as F32, where one update is held at a time. */
const SLICE_BYTES = 8 * 1024 * 1024;
/** Bytes that slices of all updates have together, where all are held. */
const ROWS_BYTES = 64 * 1024 * 1024;

/** The slices of a merge, whose memory depends neither on the number of updates nor on the model. */
export function slicesOfMerge({ options, updates }: Opened, holdsAll: boolean): readonly Slice[] {
  const bytes = holdsAll ? Math.min(SLICE_BYTES, ROWS_BYTES / updates.length) : SLICE_BYTES;
  const elements = Math.floor(Math.min(bytes, options.sliceBytes ?? bytes) / (4 * LANES)) * LANES;
  return slicesOf(segmentsOf(updates[0]?.header.tensors ?? new Map()), Math.max(LANES, elements));
}
