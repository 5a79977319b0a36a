import { FedcardioError } from '../error.ts';
import type { FederationKey } from '../federation/keys.ts';
import type { StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { elementsOf } from '../weights/weights.ts';
import { createHashes, createHashesInThread } from './hashes.ts';
import { withoutIncrementalMarking } from './incremental-marking.ts';
import { type MergeInput, type OpenInput, openInputs, type Refused } from './inputs.ts';
import { createKernels } from './kernels.ts';
import { type Layout, segmentsOf } from './layout.ts';
import { LARGE_BYTES } from './merge.ts';
import { openOutput } from './output.ts';
import { openPass, type PassOptions, type Source } from './pass.ts';
import { slicesOf } from './slices.ts';

export interface SumOptions {
  readonly store: FederationStore;
  /** Key of the sum. */
  readonly key: FederationKey;
  /** Layout of every input: I32 alone. */
  readonly layout: Layout;
  readonly maxUpdateBytes: number;
  /** Awaited between slices, for example to renew a lease. */
  readonly onPart?: () => void | Promise<void>;
}

export type Summed =
  | { readonly kind: 'summed'; readonly sum: StoredFile }
  | { readonly kind: 'refused'; readonly refused: readonly Refused[] };

/** Values of a slice: 4 MiB, which are read with one request. */
const SLICE_VALUES = 1024 * 1024;

/**
 * Adds up files of 32-bit integers modulo 2³², value by value, into one file. Inputs are read once, one slice of all at a time. Those
 * that are missing, truncated, too large, or have an unexpected SHA-256 or layout are returned, and nothing is written.
 */
export async function sumUpdates(inputs: readonly MergeInput[], options: SumOptions): Promise<Summed> {
  const { store, layout, maxUpdateBytes } = options;
  const refused: Refused[] = [];
  const header = encodeSafetensorsHeader(layout);
  const updates = await openInputs(
    store,
    inputs,
    {
      dtype: 'F32',
      aggregation: { maxUpdateBytes, untrained: 'average' },
      base: layout,
      network: undefined,
      keepBytes: 0,
      maxHeaderBytes: header.length,
    },
    refused,
  );
  if (refused.length > 0) return { kind: 'refused', refused };
  const isLarge = updates.reduce((sum, { file }) => sum + file.bytes, 0) >= LARGE_BYTES;
  const hashes = isLarge ? createHashesInThread() : createHashes();
  const context = { store, hashes, kernels: createKernels() };
  const work = () => sumSlices(context, updates, options, header, refused);
  try {
    return { kind: 'summed', sum: await (isLarge ? withoutIncrementalMarking(work) : work()) };
  } catch (error) {
    // The storage may have wrapped the error of a refusal; the entry in `refused` tells.
    if (refused.length > 0) return { kind: 'refused', refused };
    throw error;
  } finally {
    await hashes.close();
  }
}

async function sumSlices(
  context: PassOptions,
  updates: readonly OpenInput[],
  { key, layout, onPart }: SumOptions,
  header: Uint8Array,
  refused: Refused[],
): Promise<StoredFile> {
  const sources = updates.map(
    (update): Source => ({
      ...update,
      width: 1,
      fail: (reason) => {
        refused.push({ input: update.input, reason, permanent: true });
        return new FedcardioError('BAD_UPDATE', `${update.input.weights.key}: ${reason}.`);
      },
    }),
  );
  const all = [...layout.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  const { buffer, byteOffset } = context.kernels.bytes(4 * Math.min(SLICE_VALUES, all));
  const memory = new Int32Array(buffer, byteOffset, Math.min(SLICE_VALUES, all));
  const slices = slicesOf(segmentsOf(layout), SLICE_VALUES);
  const pass = openPass(context, sources, slices);
  const output = openOutput(context, key, header);
  try {
    let next = 0;
    for await (const { slice, bytes } of pass.blocks) {
      const total = memory.subarray(0, slice.end - slice.start);
      add(total, new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), next === 0);
      next++;
      if (next < sources.length) continue;
      next = 0;
      if (slice === slices.at(-1)) await pass.verify();
      await output.write(total);
      await onPart?.();
    }
    return await output.close();
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

function add(sum: Int32Array, values: Int32Array, isFirst: boolean): void {
  if (isFirst) sum.set(values);
  else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number);
}
