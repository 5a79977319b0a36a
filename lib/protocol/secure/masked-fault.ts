import { describeError, isFedcardioError } from '../../error.ts';
import type { Open, Update } from '../../federation/schemas.ts';
import { checkedUpdate } from '../../privacy/update-message.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { mostSamplesOf, type OpenCohort } from './cohort.ts';
import { cohortOf } from './round.ts';

/** Cohorts of the rounds that are being checked: all answers of a round need the same one. */
const cohorts = new WeakMap<Open, Promise<OpenCohort>>();

/** Why a masked update cannot be added up, judged by what is signed beside it; undefined if it can. */
export async function maskedFault(
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  open: Open,
  site: string,
  { secure, samples, weights, figures, scores }: Extract<Update, { status: 'ok' }>,
): Promise<string | undefined> {
  const found = cohorts.get(open) ?? cohortOf(store, open);
  cohorts.set(open, found);
  const { cohort, document, identities } = await found;
  if (!secure) return 'the update is not masked';
  if (secure.content.site !== site) return `the masked update is one of ${secure.content.site}`;
  if (samples !== mostSamplesOf(document, site)) return 'a masked update counts the cases that its cohort counts';
  if (Object.keys(figures).length > 0 || scores) return 'a masked update has no figures';
  try {
    const { weights: signed } = checkedUpdate({ cohort, round: open.round }, secure, identities);
    return signed === weights?.sha256 ? undefined : 'the signature is for other weights';
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
    return describeError(error);
  }
}
