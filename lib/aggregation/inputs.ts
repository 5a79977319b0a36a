import { mapConcurrently } from '../async.ts';
import { describeError, isFedcardioError } from '../error.ts';
import type { Aggregation, Encoding, StoredFile } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { type Unreadable, unreadableOf } from '../storage/unreadable.ts';
import { untrainedIn } from '../weights/untrained.ts';
import { type OpenFile, openFile } from './files.ts';
import { commonLayout, fileFault, type Layout, layoutDifference, withFloats } from './layout.ts';

/** An update to merge. */
export interface MergeInput {
  readonly site: string;
  /** Its weight in an average, not necessarily a whole number. */
  readonly samples: number;
  readonly weights: StoredFile;
  /** Set for an update of the round before. */
  readonly late?: true;
  /** Whether floats are whole weights even if those of the other inputs are differences from the base. */
  readonly whole?: boolean;
}

/** An input that cannot be merged. */
export interface Refused {
  readonly input: MergeInput;
  readonly reason: string;
  /** True if it could not be merged with any other inputs either. */
  readonly permanent: boolean;
  /** Set if the storage does not hand out the weights. If it does so for all inputs, its reader's rights may be wrong. */
  readonly unreadable?: Unreadable;
}

export interface OpenInput extends OpenFile {
  readonly input: MergeInput;
  /** Tensors that the update declares untrained; empty unless `aggregation.untrained` is `skip`. */
  readonly untrained: ReadonlySet<string>;
}

interface Expected {
  /** Data type of floats in the inputs. */
  readonly dtype: Encoding['dtype'];
  readonly aggregation: Pick<Aggregation, 'maxUpdateBytes' | 'untrained'>;
  /** The layout of the model that the inputs started from. */
  readonly base: Layout | undefined;
  /** The layout of the stage's own network, which everybody knows. */
  readonly network: Layout | undefined;
  /** See {@link openFile}. */
  readonly keepBytes: number;
  /** Longest header of an update. */
  readonly maxHeaderBytes: number;
}

const READS_AT_ONCE = 8;

/** Longest header of an update without a base, bytes. */
const HEADER_BYTES = 1_000_000;
/** An update's header also lists its untrained tensors, and may write its numbers with more spaces than the base does. */
const BASE_HEADERS = 4;
/** Floor for the header of tiny models, whose updates may carry metadata. */
const LEAST_HEADER_BYTES = 64 * 1024;

/**
 * Longest header to accept of an update, bytes.
 *
 * @param baseHeaderBytes length of the header of the model that the updates started from
 */
export const maxHeaderBytes = (baseHeaderBytes: number | undefined): number =>
  baseHeaderBytes === undefined ? HEADER_BYTES : Math.max(LEAST_HEADER_BYTES, BASE_HEADERS * baseHeaderBytes);

/**
 * Reads the headers of all inputs and compares their layouts with the base model's. Without a base model, the layout of the
 * stage's network counts if any input has it, so that no number of deviating inputs can replace it; otherwise the most
 * common layout. Inputs with a different layout are added to `refused` and left out.
 */
export async function openInputs(
  store: FederationStore,
  inputs: readonly MergeInput[],
  expected: Expected,
  refused: Refused[],
): Promise<readonly OpenInput[]> {
  const read = await mapConcurrently(inputs, READS_AT_ONCE, (input) => openInput(store, input, expected));
  const opened = read.filter((result): result is OpenInput => 'header' in result);
  refused.push(...read.filter((result): result is Refused => 'reason' in result));
  const reference = referenceOf(expected, opened);
  return opened.filter(({ input, header }) => {
    const reason = reference && layoutDifference(header.tensors, reference.layout, reference.name);
    if (reason !== undefined) refused.push({ input, reason, permanent: reference?.isKnown === true });
    return reason === undefined;
  });
}

interface Reference {
  readonly layout: Layout;
  /** What has the layout, for messages. */
  readonly name: string;
  /** Whether the layout does not depend on the inputs. */
  readonly isKnown: boolean;
}

function referenceOf({ base, network, dtype }: Expected, opened: readonly OpenInput[]): Reference | undefined {
  if (base) return { layout: withFloats(base, dtype), name: 'the global model', isKnown: true };
  const layouts = opened.map(({ header }) => header.tensors);
  const wanted = network && withFloats(network, dtype);
  if (wanted && layouts.some((layout) => layoutDifference(layout, wanted, '') === undefined)) {
    return { layout: wanted, name: "the stage's network", isKnown: true };
  }
  const layout = commonLayout(layouts);
  return layout && { layout, name: 'most updates', isKnown: false };
}

async function openInput(
  store: FederationStore,
  input: MergeInput,
  { dtype, aggregation, keepBytes, maxHeaderBytes }: Expected,
): Promise<OpenInput | Refused> {
  const { maxUpdateBytes } = aggregation;
  const { bytes } = input.weights;
  const refuse = (reason: string): Refused => ({ input, reason, permanent: true });
  if (bytes > maxUpdateBytes) {
    return refuse(`the weights have ${bytes} bytes, ${maxUpdateBytes} are allowed (maxUpdateBytes)`);
  }
  try {
    const open = await openFile(store, input.weights, keepBytes, maxHeaderBytes);
    const reason = fileFault(open.header, bytes, dtype);
    const untrained = aggregation.untrained === 'skip' ? untrainedIn(open.header.metadata) : new Set<string>();
    return reason === undefined ? { input, ...open, untrained } : refuse(reason);
  } catch (error) {
    const unreadable = unreadableOf(error);
    if (!unreadable) return refuse(reasonOf(error));
    const reason = `the weights cannot be read: ${describeError(error)}`;
    return { input, reason, permanent: unreadable.permanent, unreadable };
  }
}

/** Why an object cannot be merged. Rethrows errors that are not the object's fault. */
function reasonOf(error: unknown): string {
  if (!isFedcardioError(error, 'BAD_WEIGHTS') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
  return error.message;
}
