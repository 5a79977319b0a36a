import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { decodeRoundState, encodeRoundState } from '../lib/training/round-state.ts';
import type { RoundState } from '../lib/training/train-round.ts';
import type { GpuTaskContext } from './context.ts';

/** Where a training task is within its round, kept in its site's own bucket: what a task that dies goes on from. */
export interface Unfinished {
  readonly state: RoundState;
  /** Ids of the cases that the round is trained on: one that was uploaded since waits for the next. */
  readonly cases: readonly string[];
}

export const unfinishedKey = ({ campaign, stage, round }: GpuTaskMessage) =>
  siteKeys.unfinished({ campaign, stage, round });

/** What an earlier run of the same task left; undefined where there is none, or none of these terms that can be read. */
export async function readUnfinished(
  { log }: GpuTaskContext,
  store: SiteStore,
  message: GpuTaskMessage,
): Promise<Unfinished | undefined> {
  const key = unfinishedKey(message);
  const stored = await store.tryGet(key);
  if (!stored) return undefined;
  try {
    const { state, notes } = decodeRoundState(stored.body);
    if (notes.terms !== termsOf(message)) {
      log('checkpoint-ignored', { key, reason: 'It is of a round on other terms.' });
      return undefined;
    }
    log('resumed', { key, step: state.losses.length });
    return { state, cases: JSON.parse(notes.cases ?? '[]') };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_WEIGHTS')) throw error;
    log('checkpoint-ignored', { key, reason: describeError(error) });
    return undefined;
  }
}

export interface Keeper {
  /** After a step: keeps the state if it is time, or if the task has to end, which it then does with `INTERRUPTED`. */
  afterStep(state: () => RoundState): Promise<void>;
  /** Whether anything was kept. */
  readonly used: boolean;
}

/**
 * Keeps a round's state every `seconds`, under one key: an object is replaced whole or not at all. A checkpoint that
 * cannot be written costs time only if the task dies, so that the training goes on.
 */
export function createKeeper(
  { log, now, interruption }: GpuTaskContext,
  store: SiteStore,
  message: GpuTaskMessage,
  cases: readonly string[],
  seconds: number,
): Keeper {
  const key = unfinishedKey(message);
  const notes = { terms: termsOf(message), cases: JSON.stringify(cases) };
  let last = now().getTime();
  let used = false;

  async function keep(state: RoundState): Promise<void> {
    const step = state.losses.length;
    try {
      const bytes = encodeRoundState(state, notes);
      await store.put(key, bytes);
      used = true;
      log('checkpoint-written', { key, step, bytes: bytes.length });
    } catch (error) {
      log('checkpoint-failed', { key, step, reason: describeError(error) });
    }
    last = now().getTime();
  }

  return {
    get used() {
      return used;
    },
    async afterStep(state) {
      const stopped = interruption.requested;
      if (!stopped && now().getTime() - last < seconds * 1000) return;
      await keep(state());
      if (!stopped) return;
      throw new FedcardioError('INTERRUPTED', `${message.site} was told to stop.`, {
        hint: 'The next run of the task goes on from its checkpoint.',
      });
    },
  };
}

/** A campaign may have been deleted and begun anew under the same name: its rounds are others. */
const termsOf = ({ site, seed, base, config }: GpuTaskMessage): string =>
  sha256Hex(canonicalJson({ site, seed, base, config }));
