import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import {
  type Campaign,
  type Commit,
  campaignSchema,
  type Outcome,
  outcomeSchema,
  type Plan,
  plannedAggregation,
  planSchema,
  type Stage,
} from '../federation/schemas.ts';
import { canonicalJson, parseDocument, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { type Document, readJson, tryReadJson } from '../storage/documents.ts';
import { learns } from './plan.ts';
import { plannedPrivacy, privateAggregation } from './planned-privacy.ts';
import { campaignState } from './state.ts';
import { endFaults, gapFaults } from './verify-ends.ts';
import { orFault, type RoundVerification, verifyRound } from './verify-round.ts';

export interface VerifyOptions {
  /** Called after each verified round. */
  readonly onRound?: (verified: RoundVerification, done: number, total: number) => void;
}

export interface CampaignVerification {
  readonly status: Outcome['status'] | 'running';
  /** Faults of the plan, of the outcome, and of rounds that are missing. */
  readonly faults: readonly string[];
  /** The committed rounds with their faults, in the order of the plan. */
  readonly rounds: readonly RoundVerification[];
}

/**
 * Recomputes every link of a campaign's chain, from campaign.json through the plan and every commit to the outcome.
 * Read-only. Reads each update and each model once or twice.
 *
 * @throws FedcardioError `NOT_FOUND` if the campaign has no plan
 */
export async function verifyCampaign(
  federationStore: FederationStore,
  campaign: string,
  { onRound }: VerifyOptions = {},
): Promise<CampaignVerification> {
  const plan = await readJson(federationStore, federationKeys.plan(campaign), planSchema);
  const source = await federationStore.tryGet(federationKeys.campaign(campaign));
  const faults = planFaults(plan.value, source?.body);
  // Before the listing, which then has all of a campaign that has ended: it may end while its rounds are verified.
  const outcome = await orFault(faults, () =>
    tryReadJson(federationStore, federationKeys.outcome(campaign), outcomeSchema),
  );
  const listing = await collect(federationStore.list(federationKeys.campaignPrefix(campaign)));
  const state = campaignState(plan.value, listing);
  const stages = state.stages.map((stage) => stage.rounds.filter(({ phase }) => phase === 'committed'));
  const total = stages.reduce((sum, committed) => sum + committed.length, 0);
  const rounds: RoundVerification[] = [];
  for (const committed of stages) {
    let previous: Document<Commit> | null | undefined;
    for (const { at } of committed) {
      const verified = await verifyRound(federationStore, { plan, at, previous });
      rounds.push(verified);
      onRound?.(verified, rounds.length, total);
      previous = verified.commit;
    }
  }
  faults.push(...gapFaults(state, listing), ...endFaults(state, rounds, outcome?.value));
  return { status: outcome?.value.status ?? 'running', faults, rounds };
}

function planFaults(plan: Plan, source: Uint8Array | undefined): string[] {
  if (!source || sha256Hex(source) !== plan.source) {
    return ['campaign.json is missing or has changed since it was planned'];
  }
  const { $schema: _, ...campaign } = parseDocument(source, campaignSchema, federationKeys.campaign(plan.campaign.id));
  const { stages } = plan.campaign;
  const privacy = privacyFor(campaign, plan.campaign);
  const isPrivate = privacy?.differentialPrivacy !== undefined;
  const matches =
    same({ ...campaign, ...(privacy && { privacy }), stages: [] }, { ...plan.campaign, stages: [] }) &&
    campaign.stages.length === stages.length &&
    campaign.stages.every((stage, index) => follows(stages[index] as Stage, stage, isPrivate));
  return matches ? [] : ['plan.json does not match campaign.json'];
}

/**
 * The privacy that a plan should have. How many sites the federation had is not known here. Noise and ε are checked against each
 * other, not computed again: their last digits differ between engines.
 */
function privacyFor(campaign: Campaign, planned: Campaign): Campaign['privacy'] {
  const asked = campaign.privacy?.differentialPrivacy;
  if (!asked) return campaign.privacy;
  const found = planned.privacy?.differentialPrivacy;
  const differentialPrivacy = {
    ...asked,
    noiseMultiplier: asked.noiseMultiplier ?? found?.noiseMultiplier,
    epsilon: asked.epsilon ?? found?.epsilon,
    sites: { ...found?.sites, ...asked.sites },
  };
  return plannedPrivacy({ ...campaign, privacy: { ...campaign.privacy, differentialPrivacy } }, []);
}

/**
 * Whether a plan's stage follows from the campaign's. The federation's smallest number of sites is not known here, nor
 * which defaults of a plan the release had that planned.
 */
function follows(planned: Stage, stage: Stage, isPrivate: boolean): boolean {
  if (!learns(stage)) return same(planned, stage);
  const own = stage.aggregation;
  const given = learns(planned) ? planned.aggregation : own;
  const defaults = isPrivate ? privateAggregation(own) : plannedAggregation(own);
  const known = Object.entries(defaults).filter(([name]) => name in own || name in given);
  const quorum = { ...stage.quorum, minSites: Math.max(stage.quorum.minSites, planned.quorum.minSites) };
  return same(planned, { ...stage, quorum, aggregation: Object.fromEntries(known) });
}

const same = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);
