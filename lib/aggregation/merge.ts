import type { StoredFile } from '../federation/schemas.ts';
import { badWeights } from '../weights/safetensors-header.ts';
import { openFile } from './files.ts';
import { createHashes, createHashesInThread } from './hashes.ts';
import { withoutIncrementalMarking } from './incremental-marking.ts';
import { type MergeInput, maxHeaderBytes, openInputs, type Refused } from './inputs.ts';
import { createKernels } from './kernels.ts';
import { type Layout, segmentsOf } from './layout.ts';
import type { Base, MergeContext } from './merge-context.ts';
import type { Merged, MergeOptions } from './merge-options.ts';
import { mergeSlices } from './merge-slices.ts';
import { selectUpdates } from './selection.ts';
import { requireState } from './state-file.ts';
import { strategyOf } from './strategies/strategies.ts';

/** Total bytes of small updates that are kept in memory, so that each costs one request. */
const KEPT_BYTES = 128 * 1024 * 1024;

/** Total bytes from which a hash thread and disabled incremental marking save more time than they cost. */
export const LARGE_BYTES = 64 * 1024 * 1024;

/**
 * Merges updates, in the given order, into one safetensors object with the stage's strategy. Every merge of the same
 * inputs writes the same bytes. One slice of all inputs is read and merged at a time, so that memory depends neither on
 * the number of inputs nor on their size. Inputs are read once. If the strategy needs distances, all inputs are read for
 * these first, and the selected ones a second time. If the norms turn out to need clipping, the merge starts again.
 *
 * Each update is first restored to float32 weights: half floats are decoded, differences are added to the base, and
 * differences whose norm is too large are scaled down. Integers merge to their maximum. With `untrained: 'skip'`, a
 * tensor is merged from the updates that trained it, or from all updates if none did. With `privacy`, the differences are added
 * up as whole numbers, with noise, and what they give is merged as if it were the only update.
 *
 * If inputs are missing, truncated, too large, not finite, or have an unexpected SHA-256 or layout, nothing is written and
 * these inputs are returned; so are those that the storage does not hand out. Throws other storage errors, and `BAD_WEIGHTS` if the base or its state has changed.
 */
export async function mergeUpdates(inputs: readonly MergeInput[], options: MergeOptions): Promise<Merged> {
  const { store, aggregation, dtype } = options;
  const strategy = strategyOf(aggregation);
  const reason = inputs.length > 0 ? strategy.impossible?.(inputs.length) : 'There is no update to merge.';
  if (reason !== undefined) return { kind: 'impossible', reason };

  const refused: Refused[] = [];
  const keepBytes = options.sliceBytes ?? KEPT_BYTES / inputs.length;
  const base = options.base === null ? undefined : await openBase(options, options.base, strategy.moments, keepBytes);
  const expected = {
    dtype,
    aggregation,
    base: base?.header.tensors,
    network: options.network,
    keepBytes,
    maxHeaderBytes: maxHeaderBytes(base?.headerBytes.length),
  };
  const updates = await openInputs(store, inputs, expected, refused);
  if (refused.length > 0) return { kind: 'refused', refused };
  const privacy = options.privacy?.(valuesOf(base?.header.tensors));
  const isLarge = updates.reduce((sum, { file }) => sum + file.bytes, 0) >= LARGE_BYTES;
  const hashes = isLarge ? createHashesInThread() : createHashes();
  const kernels = createKernels();
  const work = async (): Promise<Merged> => {
    const context: MergeContext = { options, store, strategy, base, updates, privacy, refused, kernels, hashes };
    let selection = await selectUpdates(context);
    for (;;) {
      kernels.reset();
      const merged = await mergeSlices(context, selection);
      if (merged.kind !== 'clip') return merged;
      selection = { ...selection, clipping: merged.clipping };
    }
  };
  try {
    return await (isLarge ? withoutIncrementalMarking(work) : work());
  } catch (error) {
    // The storage may have wrapped the error of a refusal; the entry in `refused` tells.
    if (refused.length > 0) return { kind: 'refused', refused };
    throw error;
  } finally {
    await hashes.close();
  }
}

/** The number of values that a private merge gives noise to: all of the model. */
function valuesOf(layout: Layout = new Map()): number {
  const segments = segmentsOf(layout);
  const other = segments.find(({ kind }) => kind !== 'float');
  if (other) throw badWeights(`"${other.tensors[0]?.name}" is ${other.kind}, which cannot be merged with privacy.`);
  return segments.reduce((sum, { elements }) => sum + elements, 0);
}

async function openBase(
  { store }: MergeOptions,
  { state, ...file }: StoredFile & { readonly state: StoredFile | null },
  moments: readonly string[],
  keepBytes: number,
): Promise<Base> {
  const base = await openFile(store, file, keepBytes);
  const other = [...base.header.tensors.values()].find(({ dtype }) => dtype === 'F16' || dtype === 'BF16');
  if (other) throw badWeights(`${file.key} holds ${other.dtype}; global models must hold F32.`);
  if (moments.length === 0 || !state) return { ...base, state: undefined };
  const opened = await openFile(store, state, keepBytes);
  requireState(opened, base.header.tensors, moments);
  return { ...base, state: opened };
}
