import { describeError, isFedcardioError } from '../error.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import { type Answer, type Decision, roundDecision } from '../federation/protocol/decision.ts';
import { type Document, readJson } from '../federation/protocol/documents.ts';
import { learns } from '../federation/protocol/plan.ts';
import type { AnswerKey } from '../federation/protocol/state.ts';
import { updateFault } from '../federation/protocol/update-fault.ts';
import { type Open, type Stage, type Update, updateSchema } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import type { SafetensorsHeader } from '../weights/header.ts';
import { openInput } from './inputs.ts';
import { commonLayout, layoutDifference, readHeader } from './layout.ts';

export type UsableUpdate = Extract<Update, { status: 'ok' }>;

/** An answer with the update behind it; without one only where it is at fault. */
export interface Candidate extends Answer {
  readonly update: Document<UsableUpdate> | undefined;
}

export interface RoundTerms {
  readonly bucket: string;
  readonly open: Open;
  readonly stage: Stage;
}

const READS_AT_ONCE = 16;

/**
 * Decides on a round from what its sites have sent: metadata first, and only when the round would close the layout of
 * the weights. An update found unusable counts as its site's failure, and the round is decided anew without it.
 */
export async function decideRound(
  objects: Objects,
  terms: RoundTerms,
  answers: readonly AnswerKey[],
  now: Date,
): Promise<Decision<Candidate>> {
  const { open, stage } = terms;
  const atBest = answers.map((answer) => ({ ...answer, fault: undefined }));
  const hoped = roundDecision(open, stage.quorum, atBest, now);
  if (hoped.kind === 'wait') return hoped;

  let candidates = await mapConcurrently(answers, READS_AT_ONCE, (answer) => readCandidate(objects, terms, answer));
  for (;;) {
    const decision = roundDecision(open, stage.quorum, candidates, now);
    if (decision.kind !== 'seal' || !learns(stage)) return decision;
    const faults = await layoutFaults(objects, terms, decision.accepted);
    if (faults.size === 0) return decision;
    candidates = candidates.map((candidate) => ({ ...candidate, fault: faults.get(candidate.key) ?? candidate.fault }));
  }
}

async function readCandidate(objects: Objects, terms: RoundTerms, answer: AnswerKey): Promise<Candidate> {
  const { bucket, open, stage } = terms;
  try {
    const { value, sha256 } = await readJson(objects, bucket, answer.key, updateSchema);
    const update = value.status === 'ok' ? { value, sha256 } : undefined;
    return { ...answer, fault: updateFault(value, answer.site, open, stage), update };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return { ...answer, fault: describeError(error), update: undefined };
  }
}

/** Why weights cannot be merged with the global model or, in a first round, with most of the others; by update key. */
async function layoutFaults(
  objects: Objects,
  { bucket, open }: RoundTerms,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, string>> {
  const faults = new Map<string, string>();
  const headers = new Map<string, SafetensorsHeader>();
  await mapConcurrently(candidates, READS_AT_ONCE, async ({ key, update }) => {
    if (!update?.value.weights) return;
    const { site, samples, weights } = update.value;
    const opened = await openInput(objects, bucket, { site, samples, weights });
    if (typeof opened === 'string') faults.set(key, opened);
    else headers.set(key, opened.header);
  });
  const ordered = candidates.flatMap(({ key }) => headers.get(key) ?? []);
  const expected = open.base ? (await readHeader(objects, bucket, open.base.key)).header : commonLayout(ordered);
  for (const [key, header] of headers) {
    const difference = expected && layoutDifference(header, expected, open.base ? 'the global model' : 'most updates');
    if (difference) faults.set(key, difference);
  }
  return faults;
}
