import { FedcardioError } from '../error.ts';
import { canonicalJson, sha256Hex } from '../json.ts';
import { MAX_SHARES } from './secret-shares.ts';

/** The sites whose updates one stage adds up, fixed before its first round. */
export interface Cohort {
  readonly campaign: string;
  readonly stage: string;
  /** SHA-256 of the plan that the sites agreed to. */
  readonly plan: string;
  /**
   * Of setting the stage up, from 1. Sites that leave in between make another one necessary, with new keys: a key that is opened
   * for one cohort must not be one of another.
   */
  readonly attempt: number;
  /** Ids, sorted. A site's share of every secret is at its position + 1. */
  readonly sites: readonly string[];
  /** Shares that give a secret; also the fewest updates that are ever added up. */
  readonly threshold: number;
  /** Number of rounds that the sites have prepared keys for. */
  readonly rounds: number;
  /**
   * Digest of all else that decides what an update weighs and how it becomes whole numbers. Sites that were shown different terms
   * have no mask in common: a step that is too coarse for all updates but one would leave that one as the sum.
   */
  readonly agreed: string;
}

/** Fewest sites among which a sum hides a summand. With two, each knows the other's. */
const FEWEST_SITES = 3;

/**
 * The smallest safe threshold. An honest site reveals one of a site's two secrets only; those that collude with the
 * coordinator reveal both. With more than half of the honest sites and all colluding ones, one secret is known, never both.
 *
 * @param colluding sites that may break the rules together with the coordinator
 */
export const leastThreshold = (sites: number, colluding: number): number => Math.floor((sites + colluding) / 2) + 1;

/** Throws `BAD_CONFIGURATION` unless secure aggregation works with these sites and this threshold. */
export function requireCohort({ sites, threshold, rounds }: Pick<Cohort, 'sites' | 'threshold' | 'rounds'>): void {
  const isSorted = sites.every((site, i) => i === 0 || (sites[i - 1] as string) < site);
  const least = leastThreshold(sites.length, 0);
  if (!isSorted) throw refusal('its sites must be sorted and different');
  if (sites.length < FEWEST_SITES)
    throw refusal(`it has ${sites.length} sites; fewer than ${FEWEST_SITES} hide nothing`);
  if (sites.length > MAX_SHARES) throw refusal(`it has ${sites.length} sites; at most ${MAX_SHARES} are possible`);
  if (!(Number.isInteger(threshold) && threshold >= least && threshold <= sites.length)) {
    throw refusal(`its threshold of ${threshold} is not between ${least} and ${sites.length}`);
  }
  if (!(Number.isInteger(rounds) && rounds >= 1)) throw refusal(`it has ${rounds} rounds`);
}

/** A round of a cohort. Every key and every signature is bound to it. */
export interface SecureRound {
  readonly cohort: Cohort;
  /** From 1. */
  readonly round: number;
}

/** What keys and signatures are bound to, besides their own purpose. */
export const cohortDigest = (cohort: Cohort): string => sha256Hex(canonicalJson(cohort));

/** Where a site's shares are: its position + 1. Throws `BAD_MESSAGE` for a site outside of the cohort. */
export function pointOf({ sites }: Cohort, site: string): number {
  const position = sites.indexOf(site);
  if (position < 0)
    throw new FedcardioError(
      'BAD_MESSAGE',
      `Secure aggregation: ${JSON.stringify(site.slice(0, 60))} is not in the cohort.`,
    );
  return position + 1;
}

/** Throws `BAD_MESSAGE` unless the cohort has keys for the round. */
export function requireRound({ cohort, round }: SecureRound): void {
  if (Number.isInteger(round) && round >= 1 && round <= cohort.rounds) return;
  throw new FedcardioError('BAD_MESSAGE', `Secure aggregation: there is no round ${round} of ${cohort.rounds}.`);
}

const refusal = (reason: string): FedcardioError =>
  new FedcardioError('BAD_CONFIGURATION', `Secure aggregation is impossible for this cohort: ${reason}.`);
