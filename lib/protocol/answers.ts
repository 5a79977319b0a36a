import { collect } from '../async.ts';
import { describeError, describeErrorOf, type FedcardioError, isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Open, refusalSchema, type Update, updateSchema } from '../federation/schemas.ts';
import { type Document, readJson } from '../storage/documents.ts';
import { failureOfAll, type Unreadable, unreadableOf } from '../storage/unreadable.ts';
import type { AnswerKey } from './answer-keys.ts';
import { MAX_DOCUMENT_BYTES } from './bounds.ts';
import type { ReaderContext } from './context.ts';
import type { Answer } from './decision.ts';
import { ableSite } from './participants.ts';
import { boundedReason } from './reasons.ts';
import { maskedFault } from './secure/masked-fault.ts';
import { updateFault } from './update-fault.ts';

type UsableUpdate = Extract<Update, { status: 'ok' }>;

/** An answer with its update; `update` is undefined only if the answer has a fault. */
export interface Candidate extends Answer, Pick<AnswerKey, 'documentBytes' | 'unusable'> {
  readonly update: Document<UsableUpdate> | undefined;
  /**
   * Set if an upgrade or a right may make the answer readable. It is then unusable for as long as neither is there, and no
   * refusal is recorded.
   */
  readonly unread?: FedcardioError;
  /** It claims more cases than its site has counted so far. */
  readonly isUncounted?: boolean;
  /** Set if the storage does not hand out an object that the check needs. */
  readonly unreadable?: Unreadable;
}

/**
 * Reads an answer and checks it against the round's terms. An object that is unreadable or has been deleted is a fault of
 * its site, not an error: whether it is one of all sites is for the caller to see.
 *
 * @param reader what has to be upgraded if it is too old for the answer
 */
export async function readAnswer(
  context: ReaderContext,
  open: Open,
  answer: AnswerKey,
  reader: string,
): Promise<Candidate> {
  const candidate = await checkAnswer(context, open, answer, reader);
  return candidate.fault === undefined ? candidate : { ...candidate, fault: boundedReason(candidate.fault) };
}

/** Default of `countingSeconds`: longer than a batch of uploads or a slice of a rescan, and a retry after its time-out. */
const COUNTING_SECONDS = 900;

/** Whether an answer can be judged: not while its site may still count the cases that it claims. */
export const isSettled = ({ isUncounted, at }: Candidate, now: Date, countingSeconds = COUNTING_SECONDS): boolean =>
  !isUncounted || now.getTime() - at.getTime() >= countingSeconds * 1000;

/** Throws what makes the answers of all sites unreadable: a fault of the reader's own rights or keys, not of the sites. */
export function requireReadable({ participants }: Open, candidates: readonly Candidate[]): void {
  const read = candidates.filter(({ documentBytes }) => documentBytes <= MAX_DOCUMENT_BYTES);
  const failure = failureOfAll(read, participants.length);
  if (failure) throw failure;
}

async function checkAnswer(context: ReaderContext, open: Open, answer: AnswerKey, reader: string): Promise<Candidate> {
  const { federationStore } = context;
  const { site, key } = answer;
  if (answer.documentBytes > MAX_DOCUMENT_BYTES) {
    const fault = `the update's metadata has ${answer.documentBytes} bytes, ${MAX_DOCUMENT_BYTES} are allowed`;
    return { ...answer, fault, update: undefined };
  }
  try {
    if (answer.unusable === 'refused') {
      const refusal = await readJson(federationStore, federationKeys.refusal(key), refusalSchema);
      return { ...answer, fault: refusal.value.reason, update: undefined };
    }
    const { value, sha256 } = await readJson(federationStore, key, updateSchema);
    const update = value.status === 'ok' ? { value, sha256 } : undefined;
    const fault = updateFault(value, open, answer);
    if (fault !== undefined || !update) return { ...answer, fault, update };
    if (open.secure) return { ...answer, fault: await maskedFault(federationStore, open, site, update.value), update };
    const uncounted = await samplesFault(context, open, site, update.value);
    return { ...answer, fault: uncounted, update, isUncounted: uncounted !== undefined };
  } catch (error) {
    if (isFedcardioError(error, 'NEWER_SCHEMA')) {
      return { ...answer, fault: describeErrorOf(reader, error), update: undefined, unread: error };
    }
    const unreadable = unreadableOf(error);
    if (unreadable) {
      const fault = `cannot be read: ${describeError(error)}`;
      return {
        ...answer,
        fault,
        update: undefined,
        unreadable,
        ...(!unreadable.permanent && { unread: unreadable.error }),
      };
    }
    if (!isFedcardioError(error, 'BAD_MESSAGE') && !isFedcardioError(error, 'NOT_FOUND')) throw error;
    return { ...answer, fault: describeError(error), update: undefined };
  }
}

/** A site that claims more cases than it has would get too much weight. Its count may have grown since the round opened. */
async function samplesFault(
  context: ReaderContext,
  { campaign, participants, config }: Open,
  site: string,
  { samples: own, validation }: UsableUpdate,
): Promise<string | undefined> {
  const samples = Math.max(own, validation?.cases ?? 0);
  const counted = participants.find((participant) => participant.site === site)?.samples ?? 0;
  if (samples <= counted) return undefined;
  const [summary] = await collect(context.federationStore.list(federationKeys.summary(site)));
  const now = summary ? ((await ableSite(context, campaign, config, site, summary.bytes))[0]?.samples ?? 0) : 0;
  return samples <= now
    ? undefined
    : `the update claims ${samples} cases, the site's summary counts ${Math.max(counted, now)}`;
}
