import { createHash } from 'node:crypto';
import type { Aggregation } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { type MergeInput, openInputs, type Refused } from './inputs.ts';
import { mergedParts } from './slices.ts';
import { strategyOf } from './strategies.ts';

export interface MergeOptions {
  readonly objects: Objects;
  readonly bucket: string;
  /** Where the merged model is written. */
  readonly key: string;
  readonly aggregation: Aggregation;
  readonly stateKey: string;
  readonly delta: boolean;
  readonly dtype: string;
  readonly onPart?: () => void | Promise<void>;
  /** Key of the model that the inputs started from, whose layout they must have. */
  readonly base: { readonly key: string } | null;
  /** Bytes of a slice: a multiple of 4, at least S3's smallest part where the model is larger than one slice. */
  readonly sliceBytes?: number;
}

export type Merged =
  | {
      readonly kind: 'merged';
      readonly global: { readonly key: string; readonly sha256: string; readonly bytes: number };
      readonly state: null;
    }
  | { readonly kind: 'impossible'; readonly reason: string }
  /** At least one input; the others have not all been checked to the end. */
  | { readonly kind: 'refused'; readonly refused: readonly Refused[] };

const SLICE_BYTES = 5 * 1024 * 1024;

/**
 * Merges updates into one safetensors object, in the order given: the same bytes whoever merges, and however often.
 * Every input is read once by ranges, a slice of all inputs at a time, and the result is written once as it comes, so
 * that memory depends neither on the number of inputs nor on their size.
 *
 * Nothing becomes visible, and the inputs at fault are returned, when one is missing, cut, of another SHA-256 or
 * layout than it should be, or not finite. Failures of the storage are thrown.
 */
export async function mergeUpdates(inputs: readonly MergeInput[], options: MergeOptions): Promise<Merged> {
  const { objects, bucket, key, aggregation, base, sliceBytes = SLICE_BYTES } = options;
  const refused: Refused[] = [];
  const opened = await openInputs(objects, bucket, inputs, base?.key, refused);
  if (refused.length > 0) return { kind: 'refused', refused };

  const hash = createHash('sha256');
  let bytes = 0;
  async function* parts() {
    for await (const part of mergedParts(objects, bucket, opened, strategyOf(aggregation), sliceBytes, refused)) {
      hash.update(part);
      bytes += part.length;
      yield part;
    }
  }
  try {
    await write(objects, bucket, key, parts());
  } catch (error) {
    // The storage may have wrapped what the merge threw; a refusal is known by its entry.
    if (refused.length > 0) return { kind: 'refused', refused };
    throw error;
  }
  return { kind: 'merged', global: { key, sha256: hash.digest('hex'), bytes }, state: null };
}

/** In one request what is one part. */
async function write(objects: Objects, bucket: string, key: string, parts: AsyncGenerator<Uint8Array>): Promise<void> {
  const first = await parts.next();
  const second = await parts.next();
  if (second.done) {
    await objects.put(bucket, key, first.value);
    return;
  }
  async function* all() {
    yield first.value;
    yield second.value;
    yield* parts;
  }
  await objects.putParts(bucket, key, all());
}
