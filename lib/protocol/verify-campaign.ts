import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Commit, campaignSchema, type Plan, planSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { canonicalJson, parseJson, sha256Hex } from '../json.ts';
import type { Objects } from '../storage/contract.ts';
import { type Document, readJson } from '../storage/documents.ts';
import type { ReaderContext } from './ports.ts';
import { campaignState } from './state.ts';
import { type RoundVerification, verifyRound } from './verify-round.ts';

export interface VerifyOptions {
  /** Called after each round. */
  readonly onRound?: (verified: RoundVerification, done: number, total: number) => void;
}

export interface CampaignVerification {
  /** What is wrong with the plan. */
  readonly faults: readonly string[];
  /** The committed rounds in the order of the plan, each with what is wrong with it. */
  readonly rounds: readonly RoundVerification[];
}

/**
 * Walks a campaign's chain, from campaign.json over its plan to the last commit of every stage, and recomputes every
 * link. Reads only, each update and model once or twice.
 *
 * @throws FedcardioError `NOT_FOUND` where there is no plan of this name
 */
export async function verifyCampaign(
  { federation, objects }: Pick<ReaderContext, 'federation'> & { readonly objects: Objects },
  campaign: string,
  { onRound }: VerifyOptions = {},
): Promise<CampaignVerification> {
  const bucket = names.federationBucket(federation.id);
  const plan = await readJson(objects, bucket, federationKeys.plan(campaign), planSchema);
  const source = await objects.tryGet(bucket, federationKeys.campaign(campaign));
  const listing = await collect(objects.list(bucket, federationKeys.campaignPrefix(campaign)));
  const stages = campaignState(plan.value, listing).stages.map((stage) =>
    stage.rounds.filter(({ phase }) => phase === 'committed'),
  );
  const total = stages.reduce((sum, committed) => sum + committed.length, 0);
  const rounds: RoundVerification[] = [];
  for (const committed of stages) {
    let before: Document<Commit> | undefined;
    for (const { at } of committed) {
      const verified = await verifyRound(objects, bucket, { plan, at, before });
      rounds.push(verified);
      onRound?.(verified, rounds.length, total);
      before = verified.commit;
    }
  }
  return { faults: planFaults(plan.value, source?.body), rounds };
}

function planFaults(plan: Plan, source: Uint8Array | undefined): readonly string[] {
  if (!source || sha256Hex(source) !== plan.source) {
    return ['campaign.json is not the one that was planned, or was uploaded again'];
  }
  const planned = parseJson(source, campaignSchema, federationKeys.campaign(plan.campaign.id));
  return canonicalJson(planned) === canonicalJson(plan.campaign) ? [] : ['plan.json is not what campaign.json says'];
}
