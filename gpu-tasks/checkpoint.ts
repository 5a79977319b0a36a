import { describeError, errorCode, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { isAnyWithdrawn, recordsOf } from '../lib/intake/withdrawal-records.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { isRecent } from '../lib/recent.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { decodeRoundState, encodeRoundState } from '../lib/training/round-state.ts';
import type { RoundState } from '../lib/training/train-round.ts';
import type { GpuTaskContext } from './context.ts';
import type { StageInput } from './stage-input.ts';

/** The state of a training within its round, stored in the site's bucket. A restarted GPU task resumes from it. */
export interface Checkpoint {
  readonly state: RoundState;
  /** Hashes of the round's cases. A case that was uploaded later waits for the next round. */
  readonly cases: ReadonlySet<string>;
}

export const checkpointKey = ({ campaign, stage, round }: GpuTaskMessage) =>
  siteKeys.unfinished({ campaign, stage, round });

/**
 * The checkpoint of an earlier run of the same GPU task; undefined if it is missing, unreadable or of other terms, or if the
 * round no longer finds one of its cases.
 *
 * @param found hashes of the cases that the round finds now
 */
export async function readCheckpoint(
  { log }: GpuTaskContext,
  input: StageInput,
  found: ReadonlySet<string>,
): Promise<Checkpoint | undefined> {
  const { store } = input.data;
  const key = checkpointKey(input.message);
  const stored = await store.tryGet(key);
  if (!stored) return undefined;
  try {
    const { state, notes } = decodeRoundState(stored.body);
    if (notes.terms !== termsOf(input)) {
      log('checkpoint-ignored', { key, reason: 'It belongs to a round with other terms.' });
      return undefined;
    }
    const ignored = await whyIgnored(store, notes, found);
    if (ignored !== undefined) {
      await store.delete(key);
      log('checkpoint-ignored', { key, reason: ignored });
      return undefined;
    }
    log('resumed', { key, step: state.losses.length });
    return { state, cases: new Set(JSON.parse(notes.hashes ?? '[]')) };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_WEIGHTS')) throw error;
    log('checkpoint-ignored', { key, reason: describeError(error) });
    return undefined;
  }
}

/** Why the training must start again; undefined if it may go on. */
async function whyIgnored(
  store: SiteStore,
  { hashes, withdrawals }: Readonly<Record<string, string>>,
  found: ReadonlySet<string>,
): Promise<string | undefined> {
  if (hashes === undefined || withdrawals === undefined) return 'It was written by an earlier release.';
  const cases: readonly string[] = JSON.parse(hashes);
  const isWithdrawn = await isAnyWithdrawn(store, cases, new Map(JSON.parse(withdrawals)));
  if (isWithdrawn) return 'One of its cases was withdrawn.';
  // Its weights have learnt from that case, which the site's ledger would not name.
  return cases.every((one) => found.has(one)) ? undefined : 'One of its cases is no longer a case of the round.';
}

interface Checkpointer {
  /** Writes a checkpoint if one is due or a stop is requested; throws `INTERRUPTED` in the second case. */
  afterStep(state: () => RoundState): Promise<void>;
  /** Whether a checkpoint was written. */
  readonly hasWritten: boolean;
}

/**
 * Writes a checkpoint every `seconds` under one key, which S3 replaces atomically. A failed write is logged and the
 * training continues: it only costs time if the GPU task is interrupted.
 *
 * @param cases hashes of the round's cases
 */
export function createCheckpointer(
  { log, now, interruption, checkpointStore }: GpuTaskContext,
  input: StageInput,
  cases: readonly string[],
  seconds: number,
): Checkpointer {
  const { message, withdrawals } = input;
  const key = checkpointKey(message);
  const store = checkpointStore(message.site);
  const notes = {
    terms: termsOf(input),
    hashes: JSON.stringify(cases),
    withdrawals: JSON.stringify([...recordsOf(withdrawals, cases)]),
  };
  let lastWrite = now().getTime();
  let hasWritten = false;

  async function write(state: RoundState): Promise<void> {
    const step = state.losses.length;
    try {
      const bytes = encodeRoundState(state, notes);
      await store.put(key, bytes);
      hasWritten = true;
      log('checkpoint-written', { key, step, bytes: bytes.length });
    } catch (error) {
      log('checkpoint-failed', { key, step, code: errorCode(error), reason: describeError(error) });
    }
    lastWrite = now().getTime();
  }

  return {
    get hasWritten() {
      return hasWritten;
    },
    async afterStep(state) {
      const stopRequested = interruption.requested;
      if (!stopRequested && isRecent(new Date(lastWrite), now(), seconds)) return;
      await write(state());
      if (!stopRequested) return;
      throw new FedcardioError('INTERRUPTED', `The GPU task of ${message.site} was interrupted.`, {
        hint: 'The next run resumes from its checkpoint.',
      });
    },
  };
}

/**
 * Hash of the round's terms. A campaign that was deleted and planned again under the same name has other terms: the message may
 * be the same in its first round, but its plan may hold back other cases.
 */
export const termsOf = ({ message, planSha256 }: Pick<StageInput, 'message' | 'planSha256'>): string => {
  const { site, seed, base, config } = message;
  return sha256Hex(canonicalJson({ site, seed, base, config, plan: planSha256 }));
};
