import { mapConcurrently } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { commitSchema, openSchema, sealSchema } from '../federation/schemas.ts';
import { readJson, tryReadJson } from '../storage/documents.ts';
import { type RoundTerms, readAnswer } from './answers.ts';
import { sortAnswers } from './decision.ts';
import { deadlineOf, type Pauses } from './pauses.ts';
import type { ReaderContext } from './ports.ts';
import type { AnswerKey, RoundState } from './state.ts';

export interface RoundStatus {
  readonly round: number;
  readonly phase: RoundState['phase'];
  readonly openedAt: string;
  readonly deadline: string;
  readonly committedAt: string | undefined;
  readonly participants: readonly string[];
  readonly quorum: number;
  /** Sites whose update is there, or is part of the seal. */
  readonly updated: readonly string[];
  /** Participants that an open round still waits for. */
  readonly waitingFor: readonly string[];
  /** Updates that say that they failed, or that could not be merged. */
  readonly failed: readonly { readonly site: string; readonly reason: string }[];
  /** Answers of sites that the seal has no update of, which came after it: kept, never merged. */
  readonly late: readonly { readonly site: string; readonly key: string; readonly at: string }[];
  /** Of the commit: means over the sites, weighted with their samples. */
  readonly figures: Readonly<Record<string, number>>;
}

const READS_AT_ONCE = 16;

/** Where a round stands: what its sites sent and what became of it. */
export async function roundStatus(
  context: ReaderContext,
  bucket: string,
  round: RoundState,
  pauses: Pauses,
): Promise<RoundStatus> {
  const { objects } = context;
  const { at, phase, answers } = round;
  const open = (await readJson(objects, bucket, federationKeys.open(at), openSchema)).value;
  const seal = (await tryReadJson(objects, bucket, federationKeys.seal(at), sealSchema))?.value;
  const commit = (await tryReadJson(objects, bucket, federationKeys.commit(at), commitSchema))?.value;
  const merged = new Set(seal?.updates.map(({ site }) => site));
  const sealed = new Set(seal?.failed.map(({ key }) => key));
  const sofar = seal ? undefined : await answersSoFar(context, { bucket, open }, answers);
  return {
    round: at.round,
    phase,
    openedAt: open.at,
    deadline: deadlineOf(open, pauses, context.now()).toISOString(),
    committedAt: commit?.at,
    participants: open.participants.map(({ site }) => site),
    quorum: open.quorum,
    updated: commit?.sites ?? seal?.updates.map(({ site }) => site) ?? sofar?.updated ?? [],
    waitingFor: sofar?.waitingFor ?? [],
    failed: (seal?.failed ?? sofar?.failed ?? []).map(({ site, reason }) => ({ site, reason })),
    late: seal
      ? answers
          .filter(({ site, key }) => !merged.has(site) && !sealed.has(key))
          .map(({ site, key, at }) => ({ site, key, at: at.toISOString() }))
      : [],
    figures: commit?.figures ?? {},
  };
}

/** An open round's answers as far as they are known: weights are looked at when the round closes. */
async function answersSoFar(context: ReaderContext, terms: RoundTerms, keys: readonly AnswerKey[]) {
  const answers = await mapConcurrently(keys, READS_AT_ONCE, (key) => readAnswer(context, terms, key));
  const { accepted, failed, missing } = sortAnswers(terms.open, answers);
  return {
    updated: accepted.map(({ site }) => site),
    waitingFor: missing,
    failed: failed.map(({ site, fault }) => ({ site, reason: fault })),
  };
}
