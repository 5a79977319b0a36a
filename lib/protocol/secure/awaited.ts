import { mapConcurrently } from '../../async.ts';
import { federationKeys, type StageAddress, type StepAddress } from '../../federation/keys.ts';
import { cohortSchema, endorsedSchema, type Open, type Step, survivorsSchema } from '../../federation/schemas.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { tryReadJson } from '../../storage/documents.ts';
import { isListed } from '../../storage/listed.ts';
import { deadlineOf, type Pauses } from '../pauses.ts';
import { latestSetup } from './cohort.ts';

/** The short answers of secure aggregation that a stage or a round waits for. */
export interface Awaited {
  readonly step: Step;
  /** Sites that have not answered. */
  readonly sites: readonly string[];
  /** ISO 8601 in UTC. */
  readonly until: string;
}

type Reads = Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>;

const LISTS_AT_ONCE = 16;

/** What a stage waits for before its first round; undefined if it has not begun. */
export async function awaitedOfStage(
  store: Reads,
  at: StageAddress,
  pauses: Pauses,
  now: Date,
): Promise<Awaited | undefined> {
  const setup = (await latestSetup(store, at))?.value;
  if (!setup) return undefined;
  const of = { ...at, attempt: setup.attempt };
  const cohort = (await tryReadJson(store, federationKeys.cohort(of), cohortSchema))?.value;
  if (cohort) return awaited(store, of, 'shares', cohort.cohort.sites, deadlineOf(cohort, pauses, now));
  const sites = setup.sites.map(({ site }) => site);
  return awaited(store, of, 'keys', sites, deadlineOf(setup, pauses, now));
}

/** What a sealed round waits for; undefined without secure aggregation, or if its masks are being removed. */
export async function awaitedOfRound(
  store: Reads,
  { campaign, stage, round, secure }: Open,
  pauses: Pauses,
  now: Date,
): Promise<Awaited | undefined> {
  const at = { campaign, stage, round };
  const survivors = secure && (await tryReadJson(store, federationKeys.survivors(at), survivorsSchema))?.value;
  const key = secure && federationKeys.cohort({ ...at, attempt: secure.attempt });
  const cohort = key && survivors && (await tryReadJson(store, key, cohortSchema))?.value;
  if (!survivors || !cohort || (await isListed(store, federationKeys.opened(at)))) return undefined;
  const endorsed = (await tryReadJson(store, federationKeys.endorsed(at), endorsedSchema))?.value;
  const step = endorsed ? 'reveal' : 'endorse';
  return awaited(store, at, step, cohort.cohort.sites, deadlineOf(endorsed ?? survivors, pauses, now));
}

async function awaited(
  store: Reads,
  at: StepAddress,
  step: Step,
  sites: readonly string[],
  deadline: Date,
): Promise<Awaited> {
  const answered = await mapConcurrently(sites, LISTS_AT_ONCE, (site) =>
    isListed(store, federationKeys.stepAnswer(at, site, step)),
  );
  return { step, sites: sites.filter((_, i) => !answered[i]), until: deadline.toISOString() };
}
