import { createHash } from 'node:crypto';
import type { Objects } from '../storage/contract.ts';
import { type MergeInput, openInputs, type Refusal } from './inputs.ts';
import { mergedParts } from './slices.ts';
import type { Strategy } from './strategy.ts';

export interface Merged {
  /** Undefined where fewer than the least number of inputs could be merged. */
  readonly global: { readonly key: string; readonly sha256: string; readonly bytes: number } | undefined;
  /** In the order of the inputs. */
  readonly refused: readonly Refusal[];
}

export interface MergeOptions {
  readonly objects: Objects;
  readonly bucket: string;
  /** Where the merged model is written. */
  readonly key: string;
  readonly strategy: Strategy;
  /** Fewer inputs than this are not merged. */
  readonly minInputs: number;
  /** Bytes of a slice: a multiple of 4, at least S3's smallest part where the model is larger than one slice. */
  readonly sliceBytes?: number;
}

const SLICE_BYTES = 5 * 1024 * 1024;

/**
 * Merges updates into one safetensors object, in the order given: the same bytes whoever merges, and however often.
 * Every input is read by ranges, a slice of all inputs at a time, and the result written once as it comes, so that
 * memory depends neither on the number of inputs nor on their size.
 *
 * An input whose bytes are not what was sealed (missing, cut, other SHA-256, other layout), or not finite, is refused,
 * and the others are merged without it. Nothing is visible of a merge that found one.
 */
export async function mergeUpdates(inputs: readonly MergeInput[], options: MergeOptions): Promise<Merged> {
  const refused = new Map<MergeInput, Refusal>();
  let left = inputs;
  let global: Merged['global'];
  while (!global && left.length >= Math.max(1, options.minInputs)) {
    const found: Refusal[] = [];
    global = await mergeOnce(left, options, found);
    for (const refusal of found) refused.set(refusal.input, refusal);
    left = inputs.filter((input) => !refused.has(input));
  }
  return { global, refused: inputs.flatMap((input) => refused.get(input) ?? []) };
}

/** Merges all inputs, or adds at least one of them to `refused` and returns undefined. */
async function mergeOnce(
  inputs: readonly MergeInput[],
  options: MergeOptions,
  refused: Refusal[],
): Promise<Merged['global']> {
  const { objects, bucket, key, strategy, sliceBytes = SLICE_BYTES } = options;
  const opened = await openInputs(objects, bucket, inputs, refused);
  if (refused.length > 0) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  async function* parts() {
    for await (const part of mergedParts(objects, bucket, opened, strategy, sliceBytes, refused)) {
      hash.update(part);
      bytes += part.length;
      yield part;
    }
  }
  try {
    await write(objects, bucket, key, parts());
  } catch (error) {
    // The storage may have wrapped what the merge threw; a refusal is known by its entry.
    if (refused.length > 0) return undefined;
    throw error;
  }
  return { key, sha256: hash.digest('hex'), bytes };
}

/** One request for what fits in one part. */
async function write(objects: Objects, bucket: string, key: string, parts: AsyncGenerator<Uint8Array>): Promise<void> {
  const first = await parts.next();
  const second = await parts.next();
  if (second.done) await objects.put(bucket, key, first.value);
  else {
    await objects.putParts(
      bucket,
      key,
      (async function* () {
        yield first.value;
        yield second.value;
        yield* parts;
      })(),
    );
  }
}
