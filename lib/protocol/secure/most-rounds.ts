import { LONGEST_DOCUMENT_BYTES } from '../../storage/documents.ts';
import { MAX_STEP_BYTES } from './answers.ts';

/** JSON bytes of a site's share of one mask key: sealed (44), its digest (35). */
const KEY_SHARE = 80;
/** JSON bytes of a site's share of an update's own mask, with the site's name. */
const UPDATE_SHARE = 130;

/**
 * Most rounds of a stage with secure aggregation: each site sends shares of its mask keys of all rounds at once, and a round that
 * sites leave repeats those of the sites that left in one document.
 *
 * @param sites of the cohort
 * @param threshold sites that have to stay
 */
export function mostRounds(sites: number, threshold: number): number {
  const perRound = KEY_SHARE * sites;
  const left = LONGEST_DOCUMENT_BYTES - threshold * sites * UPDATE_SHARE;
  const mayLeave = Math.max(1, sites - threshold);
  return Math.floor(Math.min(MAX_STEP_BYTES / perRound, left / (mayLeave * perRound)));
}
