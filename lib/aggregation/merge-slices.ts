import { allFinite } from '../weights/finite.ts';
import { parseSafetensorsHeader } from '../weights/header.ts';
import { encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { restore } from './kernels.ts';
import { withFloats } from './layout.ts';
import type { Merged } from './merge.ts';
import { type MergeSource, type Opened, ownSource, slicesOfMerge, updateSource } from './opened.ts';
import { openOutput } from './output.ts';
import { type Block, openPass } from './pass.ts';
import type { Slice } from './slices.ts';
import { encodeStateHeader } from './state-file.ts';
import type { Survey } from './survey.ts';
import { finiteFloats, takeLargest } from './values.ts';

const DIVERGED =
  'The server optimiser steps beyond what a float32 can hold: lower its learningRate, or clip updates with clipNorm.';

/** Merges the chosen updates in one pass over them, and writes the model and, where there is one, the state. */
export async function mergeSlices(opened: Opened, survey: Survey): Promise<Merged> {
  const { options, strategy, base, updates } = opened;
  const { objects, bucket, key, stateKey, onPart } = options;
  const moments = base ? strategy.moments : [];
  const layout = withFloats(updates[0]?.header.tensors ?? new Map(), 'F32');
  const modelHeader = encodeSafetensorsHeader(layout);
  const stateHeader = encodeStateHeader(layout, moments);
  const model = openOutput(objects, bucket, key, fileBytes(modelHeader));
  const state = moments.length > 0 ? openOutput(objects, bucket, stateKey, fileBytes(stateHeader)) : undefined;
  try {
    await model.write(modelHeader);
    await state?.write(stateHeader);
    for await (const merged of mergedSlices(opened, survey, moments.length)) {
      if (merged.moments && !(allFinite(merged.moments) && allFinite(merged.values as Float32Array))) {
        await Promise.all([model.abandon(), state?.abandon()]);
        return { kind: 'impossible', reason: DIVERGED };
      }
      await model.write(bytesOf(merged.values));
      if (merged.moments) await state?.write(bytesOf(merged.moments));
      await onPart?.();
    }
    return { kind: 'merged', global: await model.close(), state: (await state?.close()) ?? null };
  } catch (error) {
    await Promise.all([model.abandon(), state?.abandon()]);
    throw error;
  }
}

/** The length of the file that a header begins. */
function fileBytes(header: Uint8Array): number {
  const { dataStart, dataBytes } = parseSafetensorsHeader(header);
  return dataStart + dataBytes;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

interface MergedSlice {
  readonly values: Float32Array | Uint8Array;
  /** Of a server optimiser, after its step. */
  readonly moments?: Float32Array;
}

/**
 * The merged slices in order, each valid until the next is asked for. All files have been checked to their ends before
 * the last one comes.
 *
 * @param width moments of a value
 */
async function* mergedSlices(opened: Opened, survey: Survey, width: number): AsyncGenerator<MergedSlice> {
  const { options, strategy, base, updates } = opened;
  const { delta } = options;
  const chosen = survey.chosen.map((index) => updates[index] as Opened['updates'][number]);
  const factors = survey.chosen.map((index) => survey.factors[index] as number);
  const origin = base && (delta || width > 0 || factors.some((factor) => factor < 1)) ? base : undefined;
  const sources = chosen.map(updateSource(opened));
  const own = [
    ...(origin ? [ownSource(origin, 'base')] : []),
    ...(width > 0 && origin?.state ? [ownSource(origin.state, 'state', width)] : []),
  ];
  const slices = slicesOfMerge(opened, strategy.holdsAll);
  const pass = openPass(options.objects, options.bucket, [...own, ...sources], slices);

  const capacity = Math.max(...slices.map(({ start, end }) => end - start));
  const reducer = strategy.createReducer(
    chosen.map(({ input }) => input.samples),
    capacity,
  );
  const memory = {
    merged: new Float32Array(capacity),
    decoded: new Float32Array(options.dtype === 'F32' ? 0 : capacity),
    restored: new Float32Array(origin ? capacity : 0),
    base: new Float32Array(origin ? capacity : 0),
    moments: new Float32Array(capacity * width),
  };
  const largest = new Uint8Array(new Float64Array(capacity).buffer);
  let next = 0;

  /** Takes one file's part of a slice of floats. */
  function addFloats(block: Block<MergeSource>): void {
    const { source } = block;
    const values = finiteFloats(block, memory.decoded);
    if (source.role === 'base') memory.base.set(values);
    else if (source.role === 'state') memory.moments.set(values);
    else reducer.add(restored(values, block));
  }

  function restored(values: Float32Array, { source }: Block<MergeSource>): Float32Array {
    const factor = factors[next] as number;
    if (!origin || (!delta && factor === 1)) return values;
    const whole = memory.restored.subarray(0, values.length);
    restore(values, memory.base, factor, delta, whole);
    if (!allFinite(whole)) throw source.fail('a difference added to the global model is not finite');
    return whole;
  }

  function finish({ start, end }: Slice): MergedSlice {
    const size = end - start;
    const values = memory.merged.subarray(0, size);
    if (width === 0) {
      reducer.finish(values);
      return { values };
    }
    const moments = memory.moments.subarray(0, size * width);
    if (!origin?.state) moments.fill(0);
    reducer.finish(values, { base: memory.base.subarray(0, size), moments });
    return { values, moments };
  }

  for await (const block of pass.blocks) {
    const { slice, source, bytes } = block;
    const { kind } = slice.segment;
    if (kind === 'float') addFloats(block);
    else if (source.role === 'update') takeLargest(bytes, kind, next === 0, largest.subarray(0, bytes.length));
    if (source.role === 'update') next++;
    if (next < sources.length) continue;
    next = 0;
    if (slice === slices.at(-1)) pass.verify();
    yield kind === 'float' ? finish(slice) : { values: largest.subarray(0, bytes.length) };
  }
}
