import { describeError, isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Open, refusalSchema, type Update, updateSchema } from '../federation/schemas.ts';
import { type Document, readJson } from '../storage/documents.ts';
import type { Answer } from './decision.ts';
import { ableSite } from './participants.ts';
import type { ReaderContext } from './ports.ts';
import type { AnswerKey } from './state.ts';
import { updateFault } from './update-fault.ts';

type UsableUpdate = Extract<Update, { status: 'ok' }>;

/** An answer with the update behind it; without one only where it is at fault. */
export interface Candidate extends Answer {
  readonly update: Document<UsableUpdate> | undefined;
}

/** The terms that an answer is judged by. */
export interface RoundTerms {
  readonly bucket: string;
  readonly open: Open;
}

/** Reads an answer and what is known against it. What is no update is a fault of its site, not an error. */
export async function readAnswer(context: ReaderContext, terms: RoundTerms, answer: AnswerKey): Promise<Candidate> {
  const { objects } = context;
  const { bucket, open } = terms;
  const { site, key } = answer;
  try {
    if (answer.unusable === 'refused') {
      const refusal = await readJson(objects, bucket, federationKeys.refusal(key), refusalSchema);
      return { ...answer, fault: refusal.value.reason, update: undefined };
    }
    const { value, sha256 } = await readJson(objects, bucket, key, updateSchema);
    const update = value.status === 'ok' ? { value, sha256 } : undefined;
    const fault =
      updateFault(value, open, answer) ?? (update && (await samplesFault(context, open, site, update.value)));
    return { ...answer, fault, update };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return { ...answer, fault: describeError(error), update: undefined };
  }
}

/** A site that claims more cases than it counted weighs more than it may. It may have got more since the round opened. */
async function samplesFault(
  context: ReaderContext,
  { participants, config }: Open,
  site: string,
  { samples }: UsableUpdate,
): Promise<string | undefined> {
  const counted = participants.find((participant) => participant.site === site)?.samples ?? 0;
  if (samples <= counted) return undefined;
  const now = (await ableSite(context, config, site))[0]?.samples ?? 0;
  return samples <= now
    ? undefined
    : `the update is said to rest on ${samples} cases, the site's summary counts ${Math.max(counted, now)}`;
}
