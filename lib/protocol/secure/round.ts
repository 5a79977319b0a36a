import { FedcardioError } from '../../error.ts';
import { federationKeys } from '../../federation/keys.ts';
import { cohortSchema, type Open, planSchema, type Seal } from '../../federation/schemas.ts';
import { cohortDigest } from '../../privacy/secure-round.ts';
import type { SurvivorList } from '../../privacy/unmasking.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { readJson } from '../../storage/documents.ts';
import type { LearningStage } from '../plan.ts';
import { learningStage, type StageStart, stageStart } from '../stage-start.ts';
import { type OpenCohort, openCohort } from './cohort.ts';

/** The cohort of a round's stage. Throws `BAD_MESSAGE` unless it is the one that the round names. */
export async function cohortOf(
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  open: Pick<Open, 'campaign' | 'stage' | 'secure'>,
): Promise<OpenCohort> {
  const { campaign, stage, secure } = open;
  const key = federationKeys.cohort({ campaign, stage, attempt: secure?.attempt ?? 1 });
  const { value, sha256 } = await readJson(store, key, cohortSchema);
  if (sha256 === secure?.cohort) return openCohort(value);
  throw new FedcardioError('BAD_MESSAGE', `${key} is not the cohort that the round was opened with.`);
}

/** A round's stage as it was planned, and what it starts from. */
export async function plannedStart(
  store: FederationStore,
  { campaign, stage }: Pick<Open, 'campaign' | 'stage'>,
): Promise<{ readonly stage: LearningStage; readonly start: StageStart }> {
  const { value: plan } = await readJson(store, federationKeys.plan(campaign), planSchema);
  return { stage: learningStage(plan, stage), start: await stageStart(store, plan, stage) };
}

/** The list of a seal's updates, as the sites endorse it. */
export const listOf = (
  { cohort }: Pick<OpenCohort, 'cohort'>,
  round: number,
  updates: Seal['updates'],
): SurvivorList => ({
  cohort: cohortDigest(cohort),
  round,
  survivors: updates.flatMap(({ site, commitment }) => (commitment === undefined ? [] : [{ site, commitment }])),
});
