import type { Aggregation } from '../federation/schemas.ts';
import { encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { type Clipping, clippingOf, clips, createCentre, createNorms, type Norms, normsOf } from './clipping.ts';
import type { OpenInput } from './inputs.ts';
import { type Segment, withFloats } from './layout.ts';
import { type MergeContext, type MergeSource, ownSource, slicesOfMerge, updateSource } from './merge-context.ts';
import type { Merged } from './merge-options.ts';
import { openOutput } from './output.ts';
import { type Block, openPass } from './pass.ts';
import { createPrivateSum } from './private-sum.ts';
import type { Selection } from './selection.ts';
import { shareFactorOf, weightsOf } from './shares.ts';
import { longest, type Slice } from './slices.ts';
import { encodeStateHeader } from './state-file.ts';
import { finiteFloats, MAX_MAGNITUDE, takeLargest } from './values.ts';

/** Slices of each update that the centre holds: in order, and sorted. */
const CENTRE_COPIES = 2;

const DIVERGED = 'The server optimiser overflows float32: lower its learningRate, or clip updates with clipNorm.';

/** Updates have to be clipped. Nothing was written. */
interface Clip {
  readonly kind: 'clip';
  readonly clipping: readonly Clipping[];
}

/**
 * Merges the selected updates in one pass; writes the model and, with a server optimiser, its state. If it is not known yet
 * how updates are clipped, it merges them as they are and takes their norms on the way: honest updates are rarely clipped,
 * so that one pass is usually enough.
 */
export async function mergeSlices(context: MergeContext, selection: Selection): Promise<Merged | Clip> {
  const { options, strategy, base, updates, kernels } = context;
  const { key, stateKey, aggregation, onPart } = options;
  const limits = limitsOf(context);
  const measures = !selection.clipping && !strategy.select && clips(limits, base !== undefined);
  const norms = measures ? createNorms(updates.length, kernels) : undefined;
  const moments = base ? strategy.moments : [];
  const layout = withFloats(updates[0]?.header.tensors ?? new Map(), 'F32');
  const model = openOutput(context, key, encodeSafetensorsHeader(layout));
  const state = moments.length > 0 ? openOutput(context, stateKey, encodeStateHeader(layout, moments)) : undefined;
  try {
    let diverged = false;
    for await (const merged of mergedSlices(context, selection, moments.length, norms)) {
      diverged ||= merged.diverged === true;
      if (!diverged) await Promise.all([model.write(merged.values), merged.moments && state?.write(merged.moments)]);
      // Clipped, the updates may not diverge: their norms decide.
      else if (!norms) break;
      await onPart?.();
    }
    const clipping = norms ? clippingOf(norms.take(), limits, base !== undefined) : selection.clipping;
    const clip = norms && clipping?.some(({ factor }) => factor < 1) ? clipping : undefined;
    if (clip || diverged) {
      await Promise.all([model.abandon(), state?.abandon()]);
      return clip ? { kind: 'clip', clipping: clip } : { kind: 'impossible', reason: DIVERGED };
    }
    const inputs = updates.map(({ input }) => input);
    const recorded = clipping && typeof aggregation.clipFactor === 'number' ? normsOf(inputs, clipping) : undefined;
    const files = { global: await model.close(), state: (await state?.close()) ?? null };
    return { kind: 'merged', ...files, ...(recorded && { norms: recorded }) };
  } catch (error) {
    await Promise.all([model.abandon(), state?.abandon()]);
    throw error;
  }
}

/** What the norms of the updates' differences are clipped to. */
const limitsOf = ({ options, privacy }: MergeContext): Pick<Aggregation, 'clipNorm' | 'clipFactor'> =>
  privacy ? { clipNorm: privacy.clip } : options.aggregation;

/** The updates that a segment is merged from, which are those that trained it, or all if none did: weights by index. */
function contributorsOf(
  { tensors }: Segment,
  updates: readonly OpenInput[],
  aggregation: Aggregation,
): ReadonlyMap<number, number> {
  const name = tensors[0]?.name ?? '';
  const trained = updates.flatMap(({ untrained }, index) => (untrained.has(name) ? [] : [index]));
  const indices = trained.length > 0 ? trained : [...updates.keys()];
  const samples = indices.map((index) => updates[index]?.input.samples ?? 0);
  const weights = weightsOf(samples, shareFactorOf(aggregation));
  return new Map(indices.map((index, at) => [index, weights[at] as number]));
}

interface MergedSlice {
  readonly values: ArrayBufferView;
  /** The server optimiser's moments after its step. */
  readonly moments?: ArrayBufferView;
  /** The step produced values that are not finite. */
  readonly diverged?: boolean;
}

/**
 * The merged slices in order, each valid until the next is requested. All files have been verified before the last slice is
 * yielded.
 *
 * @param width number of moments per value
 * @param norms receives the updates' differences, if all are merged
 */
async function* mergedSlices(
  context: MergeContext,
  selection: Selection,
  width: number,
  norms: Norms | undefined,
): AsyncGenerator<MergedSlice> {
  const { options, strategy, base, updates, kernels, privacy } = context;
  const chosen = selection.chosen.map((index) => updates[index] as MergeContext['updates'][number]);
  const isDelta = chosen.map(({ input }) => options.delta && !input.whole);
  const factors = selection.chosen.map((index) => selection.clipping?.[index]?.factor ?? 1);
  const needsOrigin = norms !== undefined || factors.some((factor) => factor < 1);
  const origin = base && (options.delta || width > 0 || needsOrigin || privacy) ? base : undefined;
  const sources = chosen.map(updateSource(context));
  const own = [
    ...(origin ? [ownSource(origin, 'base')] : []),
    ...(width > 0 && origin?.state ? [ownSource(origin.state, 'state', width)] : []),
  ];
  const usesCentre = !base && needsOrigin;
  const copies = (usesCentre ? CENTRE_COPIES : 0) + (strategy.holdsAll ? 1 : 0);
  const slices = slicesOfMerge(context, { rows: Math.max(1, copies * chosen.length), width: Math.max(1, width) });
  const capacity = longest(slices);
  const contributors = new Map(
    slices.map(({ segment }) => [segment, contributorsOf(segment, chosen, options.aggregation)]),
  );
  const reducer = strategy.createReducer(chosen.length, capacity, kernels);
  const memory = {
    merged: kernels.float32(capacity),
    largest: kernels.bytes(slices.some(({ segment }) => segment.kind !== 'float') ? 8 * capacity : 0),
    decoded: kernels.float32(options.dtype === 'F32' ? 0 : capacity),
    restored: kernels.float32(origin || usesCentre ? capacity : 0),
    base: kernels.float32(origin ? capacity : 0),
    moments: kernels.float32(capacity * width),
  };
  const sum = privacy && createPrivateSum(capacity, privacy, kernels, privacy.noise?.());
  const centre = usesCentre ? createCentre(chosen.length, capacity, kernels) : undefined;
  const pass = openPass(context, [...own, ...sources], slices);
  let next = 0;

  /** Adds one file's block of a float slice. */
  function addFloats(block: Block<MergeSource>): void {
    const { source } = block;
    const largest = source.role === 'update' && strategy.moments.length > 0 ? MAX_MAGNITUDE : undefined;
    const values = finiteFloats(block, kernels, memory.decoded, largest);
    if (source.role === 'base') memory.base.set(values);
    else if (source.role === 'state') memory.moments.set(values);
    else if (centre) centre.add(values);
    else addUpdate(next, values, memory.base.subarray(0, values.length), block.slice);
  }

  /** @param from what its difference is taken from */
  function addUpdate(index: number, values: Float32Array, from: Float32Array, { segment }: Slice): void {
    norms?.add(index, values, isDelta[index] ? undefined : from);
    if (sum) {
      sum.add(values, isDelta[index] ? undefined : from, factors[index] as number);
      return;
    }
    const weight = contributors.get(segment)?.get(index);
    if (weight !== undefined) reducer.add(restored(index, values, from), weight);
  }

  function restored(index: number, values: Float32Array, from: Float32Array): Float32Array {
    const factor = factors[index] as number;
    const delta = isDelta[index] as boolean;
    if (!delta && factor === 1) return values;
    const whole = memory.restored.subarray(0, values.length);
    kernels.restore(values, from, factor, delta, whole);
    if (!kernels.finite(whole)) throw sources[index]?.fail('a difference added to the global model is not finite');
    return whole;
  }

  function finish(slice: Slice): MergedSlice {
    const size = slice.end - slice.start;
    const values = memory.merged.subarray(0, size);
    const gathered = centre?.take(size);
    for (const [index, row] of gathered?.rows.entries() ?? []) {
      addUpdate(index, row, gathered?.centre as Float32Array, slice);
    }
    if (sum) {
      const noisy = memory.restored.subarray(0, size);
      sum.finish(memory.base.subarray(0, size), noisy);
      reducer.add(noisy, 1);
    }
    if (width === 0) {
      reducer.finish(values);
      return { values };
    }
    const moments = memory.moments.subarray(0, size * width);
    if (!origin?.state) moments.fill(0);
    reducer.finish(values, { base: memory.base.subarray(0, size), moments });
    return { values, moments, diverged: !(kernels.finite(values) && kernels.finite(moments)) };
  }

  for await (const block of pass.blocks) {
    const { slice, source, bytes } = block;
    const { kind } = slice.segment;
    if (kind === 'float') addFloats(block);
    else if (source.role === 'update') takeLargest(bytes, kind, next === 0, memory.largest.subarray(0, bytes.length));
    if (source.role === 'update') next++;
    if (next < sources.length) continue;
    next = 0;
    if (slice === slices.at(-1)) await pass.verify();
    yield kind === 'float' ? finish(slice) : { values: memory.largest.subarray(0, bytes.length) };
  }
}
