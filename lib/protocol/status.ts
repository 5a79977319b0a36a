import { collect, mapConcurrently } from '../async.ts';
import { type FederationKey, federationKeys, parseConsentKey } from '../federation/keys.ts';
import { type Outcome, openSchema, outcomeSchema, planSchema, type Stage } from '../federation/schemas.ts';
import type { PrivacyFacts } from '../report/privacy-text.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { readJson, tryReadJson } from '../storage/documents.ts';
import { listCampaignAnswers } from './answer-keys.ts';
import { type ConsentAnswer, consentAnswers } from './consent/answers.ts';
import type { ReaderContext } from './context.ts';
import { suspicions } from './participants.ts';
import { isPaused, type Pauses, readPauses } from './pauses.ts';
import { roundsOf } from './plan.ts';
import { privacyFacts } from './privacy-facts.ts';
import { type AnsweredRound, type RoundStatus, roundStatus, withLateMerged } from './round-status.ts';
import { type Awaited, awaitedOfStage } from './secure/awaited.ts';
import { campaignState, type RoundState, type StageState } from './state.ts';
import { type WithdrawnSince, withdrawnSince } from './withdrawals.ts';

export interface CampaignStatus {
  readonly campaign: string;
  /** `uploaded`: there is no plan yet. */
  readonly phase: 'uploaded' | 'running' | 'paused' | Outcome['status'];
  /** Why it failed, was cancelled or is paused. */
  readonly reason: string | undefined;
  /** ISO 8601 in UTC, like `endedAt`. */
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
  /** Why the campaign cannot tolerate one malicious site. */
  readonly warnings: readonly string[];
  /** What its differential privacy has cost so far; absent without it. */
  readonly privacy?: PrivacyFacts;
  /** Sites whose training and held-out CTs may be parts of one scan, for campaigns that evaluate: now, not at the time. */
  readonly suspected: readonly { readonly site: string; readonly pairs: number }[];
  /** What sites have answered to the campaign, by site. Who is missing has not been asked yet. */
  readonly consents: readonly Omit<ConsentAnswer, 'consent'>[];
  /** Committed rounds that learnt from cases which were withdrawn since, in the order of the plan. */
  readonly withdrawn: readonly WithdrawnSince[];
  readonly stages: readonly StageStatus[];
}

export interface StageStatus {
  readonly name: string;
  readonly kind: Stage['kind'];
  readonly phase: 'waiting' | 'running' | 'completed';
  /** Number of the last round. A completed stage with fewer rounds stopped early. */
  readonly total: number;
  readonly rounds: readonly RoundStatus[];
  /** What a stage with secure aggregation waits for before its first round. */
  readonly awaited?: Awaited;
}

const READS_AT_ONCE = 16;

/** A campaign without what happened in its rounds: what one listing and three documents tell. */
export interface CampaignOverview extends Omit<CampaignStatus, 'stages' | 'suspected' | 'consents' | 'withdrawn'> {
  /** When `campaign.json` was uploaded last. */
  readonly uploadedAt: string | undefined;
  readonly pauses: Pauses;
  /** Whether the campaign asks for secure aggregation. */
  readonly isSecure: boolean;
  readonly stages: readonly StageState[];
}

/** The overview of a campaign. Read-only; undefined if there is no such campaign. */
export async function campaignOverview(
  { federationStore }: Pick<ReaderContext, 'federationStore'>,
  campaign: string,
): Promise<CampaignOverview | undefined> {
  const listing = await collect(federationStore.list(federationKeys.campaignPrefix(campaign)));
  if (listing.length === 0) return undefined;
  const outcome = (await tryReadJson(federationStore, federationKeys.outcome(campaign), outcomeSchema))?.value;
  const plan = (await tryReadJson(federationStore, federationKeys.plan(campaign), planSchema))?.value;
  const pauses = await readPauses(federationStore, campaign);
  const pause = outcome || !isPaused(pauses) ? undefined : pauses.at(-1);
  const stages = plan ? campaignState(plan, listing).stages : [];
  const privacy = plan && privacyFacts(plan.campaign, stages);
  const uploaded = listing.find(({ key }) => key === federationKeys.campaign(campaign));
  return {
    campaign,
    phase: outcome?.status ?? (pause ? 'paused' : plan ? 'running' : 'uploaded'),
    reason: outcome?.reason ?? pause?.reason,
    uploadedAt: uploaded?.lastModified.toISOString(),
    plannedAt: plan?.at,
    endedAt: outcome?.at,
    warnings: plan?.warnings ?? [],
    ...(privacy && { privacy }),
    pauses,
    isSecure: plan?.campaign.privacy?.secureAggregation !== undefined,
    stages,
  };
}

/**
 * The status of a campaign, for users and dashboards. Read-only; undefined if there is no such campaign.
 *
 * @param options `answers`: false leaves out what sites have sent to rounds that are not sealed, and what came late. That takes
 *   one listing for each site. Open rounds then wait for all, and late sites count as missing.
 */
export async function campaignStatus(
  context: ReaderContext,
  campaign: string,
  { answers = true }: { readonly answers?: boolean } = {},
): Promise<CampaignStatus | undefined> {
  const overview = await campaignOverview(context, campaign);
  if (!overview) return undefined;
  const { pauses, stages, uploadedAt: _, isSecure, ...rest } = overview;
  const rounds = await answeredRounds(
    context,
    campaign,
    stages.flatMap((stage) => stage.rounds),
    answers,
  );
  const ofSites = await collect(context.federationStore.list(federationKeys.summaryPrefix));
  return {
    ...rest,
    consents: await consentsOf(context, campaign, ofSites),
    suspected: stages.some(({ stage }) => stage.kind === 'evaluate') ? await suspicions(context, ofSites) : [],
    withdrawn: await withdrawnSince(context.federationStore, stages, ofSites),
    stages: await mapConcurrently(stages, READS_AT_ONCE, async (state) => ({
      ...(isSecure && rest.endedAt === undefined && (await beforeRounds(context, campaign, state, pauses))),
      name: state.stage.name,
      kind: state.stage.kind,
      phase: stagePhase(state),
      total: roundsOf(state.stage),
      rounds: withLateMerged(
        await mapConcurrently(
          rounds.filter(({ at }) => at.stage === state.stage.name),
          READS_AT_ONCE,
          (round) => roundStatus(context, round, pauses),
        ),
      ),
    })),
  };
}

/** A round that has opened and is not committed, and its stage. */
export interface OpenRound extends RoundStatus {
  readonly stage: string;
}

/** The rounds that a campaign waits for now: what the status says of them, without reading any other round. */
export async function openRounds(
  context: ReaderContext,
  { campaign, pauses, stages }: Pick<CampaignOverview, 'campaign' | 'pauses' | 'stages'>,
): Promise<readonly OpenRound[]> {
  const current = stages.flatMap(({ rounds }) => rounds.filter(({ phase }) => phase !== 'committed'));
  const answered = await answeredRounds(context, campaign, current);
  return mapConcurrently(answered, READS_AT_ONCE, async (round) => ({
    stage: round.at.stage,
    ...(await roundStatus(context, round, pauses)),
  }));
}

/** The opened rounds with their terms, and with their answers if these are listed. */
async function answeredRounds(
  { federationStore }: ReaderContext,
  campaign: string,
  opened: readonly RoundState[],
  isListed = true,
): Promise<readonly AnsweredRound[]> {
  const rounds = await mapConcurrently(opened, READS_AT_ONCE, async (round) => ({
    ...round,
    open: (await readJson(federationStore, federationKeys.open(round.at), openSchema)).value,
  }));
  const sites = new Set(isListed ? rounds.flatMap(({ open }) => open.participants.map(({ site }) => site)) : []);
  const answers = await listCampaignAnswers(federationStore, campaign, [...sites]);
  return rounds.map((round) => {
    const participants = new Set(round.open.participants.map(({ site }) => site));
    const listed = answers.get(federationKeys.round(round.at)) ?? [];
    return { ...round, answers: listed.filter(({ site }) => participants.has(site)) };
  });
}

/** The answers of all sites that have given one: one request for each. */
async function consentsOf(
  context: ReaderContext,
  campaign: string,
  listed: readonly ObjectInfo<FederationKey>[],
): Promise<CampaignStatus['consents']> {
  const byKey = new Map(listed.map((info) => [info.key, info]));
  const sites = listed.flatMap(({ key }) => {
    const found = parseConsentKey(key);
    return found?.campaign === campaign ? [found.site] : [];
  });
  const answers = await consentAnswers(context, campaign, sites, byKey);
  return [...answers.values()].map(({ consent: _, ...answer }) => answer);
}

/** What a stage without a round waits for. */
async function beforeRounds(
  { federationStore, now }: ReaderContext,
  campaign: string,
  { stage, rounds }: StageState,
  pauses: Pauses,
): Promise<Pick<StageStatus, 'awaited'>> {
  if (rounds.length > 0) return {};
  const awaited = await awaitedOfStage(federationStore, { campaign, stage: stage.name }, pauses, now());
  return awaited ? { awaited } : {};
}

export const stagePhase = ({ rounds, completed }: StageState): StageStatus['phase'] =>
  completed ? 'completed' : rounds.length > 0 ? 'running' : 'waiting';
