import { createHash } from 'node:crypto';
import { FedcardioError, isFedcardioError } from '../error.ts';
import { mapAhead } from '../federation/protocol/async.ts';
import type { Objects } from '../storage/contract.ts';
import { allFinite } from '../weights/finite.ts';
import type { SafetensorsHeader } from '../weights/header.ts';
import { encodeSafetensorsHeader, float32View } from '../weights/safetensors.ts';
import type { OpenInput, Refused } from './inputs.ts';
import type { Strategy } from './strategy.ts';

const READS_AHEAD = 4;

/**
 * The merged file in parts: the header with the first slice, then one slice after another. When an input's bytes are
 * not what was sealed, or not finite, it is added to `refused` and the iteration throws `BAD_UPDATE`, at the latest
 * before the last part.
 *
 * @param opened inputs of one layout, all F32, in the order in which they are merged
 */
export async function* mergedParts(
  objects: Objects,
  bucket: string,
  opened: readonly OpenInput[],
  strategy: Strategy,
  sliceBytes: number,
  refused: Refused[],
): AsyncGenerator<Uint8Array> {
  const { header } = opened[0] as OpenInput;
  const samples = opened.map(({ input }) => input.samples);
  const reducer = strategy.createReducer(samples, Math.min(sliceBytes, header.dataBytes) / 4);
  const hashes = new Map(opened.map((open) => [open, createHash('sha256').update(open.bytes)]));
  let prefix = encodeSafetensorsHeader(header.tensors);

  for await (const { open, start, end, bytes } of readSlices(objects, bucket, opened, sliceBytes)) {
    if (bytes.length !== end - start) throw refuse(refused, open, `the weights end before byte ${end} of their values`);
    hashes.get(open)?.update(bytes);
    const values = float32View(bytes);
    if (!allFinite(values)) {
      throw refuse(refused, open, `tensor "${tensorAt(header, start, values)}" has values that are not finite`);
    }
    reducer.add(values);
    if (open !== opened.at(-1)) continue;

    if (end === header.dataBytes) requireHashes(hashes, refused);
    const part = new Uint8Array(prefix.length + end - start);
    part.set(prefix);
    reducer.finish(new Float32Array(part.buffer, prefix.length));
    prefix = new Uint8Array();
    yield part;
  }
}

/** The same bytes of every input, then the next, a few requests ahead of who reads them. */
function readSlices(objects: Objects, bucket: string, opened: readonly OpenInput[], sliceBytes: number) {
  const total = (opened[0] as OpenInput).header.dataBytes;
  const starts = Array.from({ length: Math.ceil(total / sliceBytes) }, (_, slice) => slice * sliceBytes);
  const wanted = starts.flatMap((start) =>
    opened.map((open) => ({ open, start, end: Math.min(start + sliceBytes, total) })),
  );
  return mapAhead(wanted, READS_AHEAD, async ({ open, start, end }) => {
    const { dataStart } = open.header;
    const { key } = open.input.weights;
    try {
      const bytes = await objects.getRange(bucket, key, dataStart + start, dataStart + end);
      return { open, start, end, bytes };
    } catch (error) {
      if (!isFedcardioError(error, 'NOT_FOUND')) throw error;
      return { open, start, end, bytes: new Uint8Array() };
    }
  });
}

function requireHashes(hashes: ReadonlyMap<OpenInput, ReturnType<typeof createHash>>, refused: Refused[]): void {
  const errors = [...hashes].flatMap(([open, hash]) => {
    const actual = hash.digest('hex');
    const { sha256 } = open.input.weights;
    return actual === sha256 ? [] : [refuse(refused, open, `the weights have SHA-256 ${actual}, not ${sha256}`)];
  });
  if (errors[0]) throw errors[0];
}

function refuse(refused: Refused[], { input }: OpenInput, reason: string): FedcardioError {
  refused.push({ input, reason, forGood: true });
  return new FedcardioError('BAD_UPDATE', `${input.weights.key}: ${reason}`);
}

/** The tensor that the first value that is not finite belongs to; `start` is the slice's first byte. */
function tensorAt(header: SafetensorsHeader, start: number, values: Float32Array): string | undefined {
  const byte = start + 4 * values.findIndex((value) => !Number.isFinite(value));
  return [...header.tensors].find(([, { begin, end }]) => begin <= byte && byte < end)?.[0];
}
