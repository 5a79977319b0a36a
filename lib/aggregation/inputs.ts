import { describeError, isFedcardioError } from '../error.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import type { Objects } from '../storage/contract.ts';
import { commonLayout, fileFault, type HeaderBytes, layoutDifference, readHeader } from './layout.ts';

/** A sealed update, as the merge needs it. */
export interface MergeInput {
  readonly site: string;
  readonly samples: number;
  readonly weights: { readonly key: string; readonly sha256: string; readonly bytes: number };
}

export interface Refusal {
  readonly input: MergeInput;
  readonly reason: string;
}

export interface OpenInput extends HeaderBytes {
  readonly input: MergeInput;
}

const READS_AT_ONCE = 4;

/** Reads the headers of all inputs. Those that do not fit are added to `refused` and left out. */
export async function openInputs(
  objects: Objects,
  bucket: string,
  inputs: readonly MergeInput[],
  refused: Refusal[],
): Promise<readonly OpenInput[]> {
  const found = await mapConcurrently(inputs, READS_AT_ONCE, async (input) => {
    const opened = await openInput(objects, bucket, input);
    if (typeof opened !== 'string') return [opened];
    refused.push({ input, reason: opened });
    return [];
  });
  const opened = found.flat();
  const layout = commonLayout(opened.map(({ header }) => header));
  return opened.filter(({ input, header }) => {
    const reason = layout && layoutDifference(header, layout, 'most updates');
    if (reason !== undefined) refused.push({ input, reason });
    return reason === undefined;
  });
}

/** An input's header, or why the input cannot be merged with any other. */
export async function openInput(objects: Objects, bucket: string, input: MergeInput): Promise<OpenInput | string> {
  try {
    const read = await readHeader(objects, bucket, input.weights.key);
    return fileFault(read.header, input.weights.bytes) ?? { input, ...read };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_WEIGHTS') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    return describeError(error);
  }
}
