import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Commit, campaignSchema, type Plan, planSchema } from '../federation/schemas.ts';
import { canonicalJson, parseDocument, sha256Hex } from '../json.ts';
import type { FederationStore } from '../storage/contract.ts';
import { type Document, readJson } from '../storage/documents.ts';
import { learns, planCampaign } from './plan.ts';
import { campaignState } from './state.ts';
import { type RoundVerification, verifyRound } from './verify-round.ts';

export interface VerifyOptions {
  /** Called after each verified round. */
  readonly onRound?: (verified: RoundVerification, done: number, total: number) => void;
}

export interface CampaignVerification {
  /** Faults of the plan. */
  readonly faults: readonly string[];
  /** The committed rounds with their faults, in the order of the plan. */
  readonly rounds: readonly RoundVerification[];
}

/**
 * Recomputes every link of a campaign's chain, from campaign.json through the plan to the last commit of every stage.
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
  const listing = await collect(federationStore.list(federationKeys.campaignPrefix(campaign)));
  const stages = campaignState(plan.value, listing).stages.map((stage) =>
    stage.rounds.filter(({ phase }) => phase === 'committed'),
  );
  const total = stages.reduce((sum, committed) => sum + committed.length, 0);
  const rounds: RoundVerification[] = [];
  for (const committed of stages) {
    let previous: Document<Commit> | undefined;
    for (const { at } of committed) {
      const verified = await verifyRound(federationStore, { plan, at, previous });
      rounds.push(verified);
      onRound?.(verified, rounds.length, total);
      previous = verified.commit;
    }
  }
  return { faults: planFaults(plan.value, source?.body), rounds };
}

function planFaults(plan: Plan, source: Uint8Array | undefined): readonly string[] {
  if (!source || sha256Hex(source) !== plan.source) {
    return ['campaign.json is missing or has changed since it was planned'];
  }
  const value = parseDocument(source, campaignSchema, federationKeys.campaign(plan.campaign.id));
  // The plan does not name the federation's smallest quorum. None below it is in the plan.
  const minSites = Math.min(...plan.campaign.stages.filter(learns).map(({ quorum }) => quorum.minSites));
  const again = planCampaign(value.id, { value, sha256: plan.source }, new Date(plan.at), minSites);
  return canonicalJson(again) === canonicalJson(plan) ? [] : ['plan.json does not match campaign.json'];
}
