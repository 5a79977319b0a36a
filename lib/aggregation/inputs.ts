import { describeError, isFedcardioError } from '../error.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import type { Objects } from '../storage/contract.ts';
import { commonLayout, fileFault, type HeaderBytes, layoutDifference, readHeader } from './layout.ts';

/** An update, as the merge needs it. */
export interface MergeInput {
  readonly site: string;
  readonly samples: number;
  readonly weights: { readonly key: string; readonly sha256: string; readonly bytes: number };
}

/** Why an input cannot be merged. */
export interface Refused {
  readonly input: MergeInput;
  readonly reason: string;
  /** It can never be, whatever the other inputs are. */
  readonly forGood: boolean;
}

export interface OpenInput extends HeaderBytes {
  readonly input: MergeInput;
}

const READS_AT_ONCE = 4;

/**
 * Reads the headers of all inputs and compares their layouts with that of the model they started from or, where there
 * is none, with that of most inputs. Inputs that do not fit are added to `refused` and left out.
 *
 * @param base key of the model that the inputs started from
 */
export async function openInputs(
  objects: Objects,
  bucket: string,
  inputs: readonly MergeInput[],
  base: string | undefined,
  refused: Refused[],
): Promise<readonly OpenInput[]> {
  const expected = base === undefined ? undefined : (await readHeader(objects, bucket, base)).header;
  const read = await mapConcurrently(inputs, READS_AT_ONCE, (input) => openInput(objects, bucket, input));
  const opened = read.filter((result): result is OpenInput => 'header' in result);
  refused.push(...read.filter((result): result is Refused => 'reason' in result));
  const layout = expected ?? commonLayout(opened.map(({ header }) => header));
  return opened.filter(({ input, header }) => {
    const reason = layout && layoutDifference(header, layout, expected ? 'the global model' : 'most updates');
    if (reason !== undefined) refused.push({ input, reason, forGood: expected !== undefined });
    return reason === undefined;
  });
}

async function openInput(objects: Objects, bucket: string, input: MergeInput): Promise<OpenInput | Refused> {
  try {
    const read = await readHeader(objects, bucket, input.weights.key);
    const reason = fileFault(read.header, input.weights.bytes);
    return reason === undefined ? { input, ...read } : { input, reason, forGood: true };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_WEIGHTS') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    return { input, reason: describeError(error), forGood: true };
  }
}
