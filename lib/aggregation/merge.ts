import type { StoredFile } from '../federation/schemas.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import { openFile } from './files.ts';
import { withoutMarking } from './garbage.ts';
import { createHashes, createHashesInThread } from './hashes.ts';
import { type MergeInput, openInputs, type Refused } from './inputs.ts';
import { createKernels } from './kernels.ts';
import type { Base, MergeContext } from './merge-context.ts';
import type { Merged, MergeOptions } from './merge-options.ts';
import { mergeSlices } from './merge-slices.ts';
import { requireState } from './state-file.ts';
import { strategyOf } from './strategies/strategies.ts';
import { surveyUpdates } from './survey.ts';

/** Bytes of small updates that are kept, all together, so that these cost one request each. */
const KEPT_BYTES = 128 * 1024 * 1024;

/** From here on, starting a thread and sparing the garbage collector save more time than they take. */
const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * Merges updates into one safetensors object by the campaign's strategy, in the order given: the same bytes whoever
 * merges, and however often. Every input is read by ranges, a slice of all inputs at a time, and the result is written
 * as it comes, so that memory depends neither on the number of inputs nor on their size. Inputs are read once; where
 * the strategy needs norms or distances, all are read for these first, and then once more those that are merged.
 *
 * Each update is first restored to float32 weights: halves are decoded, differences added to the base, and where the
 * configuration clips, a difference too large is scaled down. Of integers the largest is taken. With `untrained: 'skip'`
 * a tensor is merged of the updates that trained it, by their own word; of all where none did.
 *
 * Nothing becomes visible, and the inputs at fault are returned, when one is missing, cut, too large, of another SHA-256
 * or layout than it should be, or not finite. Throws failures of the storage, and `BAD_WEIGHTS` where the base or its
 * state is not what it was.
 */
export async function mergeUpdates(inputs: readonly MergeInput[], options: MergeOptions): Promise<Merged> {
  const { store, aggregation, dtype } = options;
  const strategy = strategyOf(aggregation);
  const reason = inputs.length > 0 ? strategy.impossible?.(inputs.length) : 'There is no update to merge.';
  if (reason !== undefined) return { kind: 'impossible', reason };

  const refused: Refused[] = [];
  const keepBytes = options.sliceBytes ?? KEPT_BYTES / inputs.length;
  const base = options.base === null ? undefined : await openBase(options, options.base, strategy.moments, keepBytes);
  const expected = { dtype, aggregation, base: base?.header.tensors, keepBytes };
  const updates = await openInputs(store, inputs, expected, refused);
  if (refused.length > 0) return { kind: 'refused', refused };
  const isLarge = updates.reduce((sum, { file }) => sum + file.bytes, 0) >= LARGE_BYTES;
  const hashes = isLarge ? createHashesInThread() : createHashes();
  const kernels = createKernels();
  const work = async (): Promise<Merged> => {
    const context: MergeContext = { options, store, strategy, base, updates, refused, kernels, hashes };
    const survey = await surveyUpdates(context);
    kernels.reset();
    return mergeSlices(context, survey);
  };
  try {
    return await (isLarge ? withoutMarking(work) : work());
  } catch (error) {
    // The storage may have wrapped what the merge threw; a refusal is known by its entry.
    if (refused.length > 0) return { kind: 'refused', refused };
    throw error;
  } finally {
    await hashes.close();
  }
}

async function openBase(
  { store }: MergeOptions,
  { state, ...file }: StoredFile & { readonly state: StoredFile | null },
  moments: readonly string[],
  keepBytes: number,
): Promise<Base> {
  const base = await openFile(store, file, keepBytes);
  const other = [...base.header.tensors.values()].find(({ dtype }) => dtype === 'F16' || dtype === 'BF16');
  if (other) throw badWeights(`${file.key} holds ${other.dtype}; global models hold F32`);
  if (moments.length === 0 || !state) return { ...base, state: undefined };
  const opened = await openFile(store, state, keepBytes);
  requireState(opened, base.header.tensors, moments);
  return { ...base, state: opened };
}
