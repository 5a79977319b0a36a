import { describeError, isFedcardioError } from '../../error.ts';
import { federationKeys } from '../keys.ts';
import { type Open, refusalSchema, type Stage, type Update, updateSchema } from '../schemas.ts';
import type { Answer } from './decision.ts';
import { type Document, readJson } from './documents.ts';
import type { ObjectStore } from './ports.ts';
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
  readonly stage: Stage;
}

/** Reads an answer and what is known against it. What is no update is a fault of its site, not an error. */
export async function readAnswer(
  objects: Pick<ObjectStore, 'tryGet'>,
  { bucket, open, stage }: RoundTerms,
  answer: AnswerKey,
): Promise<Candidate> {
  try {
    if (answer.refused) {
      const refusal = await readJson(objects, bucket, federationKeys.refusal(answer.key), refusalSchema);
      return { ...answer, fault: refusal.value.reason, update: undefined };
    }
    const { value, sha256 } = await readJson(objects, bucket, answer.key, updateSchema);
    const update = value.status === 'ok' ? { value, sha256 } : undefined;
    return { ...answer, fault: updateFault(value, answer.site, open, stage), update };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return { ...answer, fault: describeError(error), update: undefined };
  }
}
