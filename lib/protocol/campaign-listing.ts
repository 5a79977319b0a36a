import { collect } from '../async.ts';
import { type FederationKey, federationKeys, type RoundAddress } from '../federation/keys.ts';
import type { Plan, Stage } from '../federation/schemas.ts';
import type { FederationStore, ObjectInfo } from '../storage/contract.ts';
import { isListed } from '../storage/listed.ts';
import { requirementsOf, roundsOf } from './plan.ts';
import {
  type CampaignProgress,
  campaignState,
  openedRounds,
  type RoundState,
  roundStates,
  type StageProgress,
} from './state.ts';

/** One page of S3. */
const MAX_KEYS = 1000;

/** What the first keys of a campaign show of it. */
export interface CampaignListing {
  readonly campaign: string;
  readonly objects: readonly ObjectInfo<FederationKey>[];
  /** Whether these are all of the campaign's objects. */
  readonly isWhole: boolean;
}

type Lists = Pick<FederationStore, 'list' | 'folders'>;

/**
 * The first keys of a campaign: one request. They are all of them for about the first 150 rounds.
 *
 * @param maxKeys fewer in tests
 */
export async function listCampaign(store: Lists, campaign: string, maxKeys = MAX_KEYS): Promise<CampaignListing> {
  const objects: ObjectInfo<FederationKey>[] = [];
  for await (const object of store.list(federationKeys.campaignPrefix(campaign))) {
    objects.push(object);
    // Without a look at the next page.
    if (objects.length === maxKeys) return { campaign, objects, isWhole: false };
  }
  return { campaign, objects, isWhole: true };
}

/** Whether a campaign has an object: no request, unless the object would be behind the keys that were listed. */
export async function hasObject(store: Lists, listing: CampaignListing, key: FederationKey): Promise<boolean> {
  const { objects, isWhole } = listing;
  if (isWhole || key <= (objects.at(-1)?.key ?? '')) return objects.some((object) => object.key === key);
  return isListed(store, key);
}

/**
 * How far a campaign that has not ended has come: no request, unless it has more keys than were listed. Then it is two requests for
 * each stage whose requirements have completed, and one more for each further 1,000 rounds of it.
 */
export async function campaignProgress(store: Lists, plan: Plan, listing: CampaignListing): Promise<CampaignProgress> {
  if (listing.isWhole) return campaignState(plan, listing.objects);
  const { campaign } = listing;
  const found = new Map<string, Promise<StageProgress>>();
  for (const stage of plan.campaign.stages) {
    // A stage names earlier ones only.
    const needed = requirementsOf(stage).flatMap((name) => found.get(name) ?? []);
    const progress = Promise.all(needed).then((stages) =>
      stages.every(({ completed }) => completed)
        ? stageProgress(store, campaign, stage)
        : { stage, current: undefined, completed: false },
    );
    found.set(stage.name, progress);
  }
  return { campaign, ended: false, stages: await Promise.all(found.values()) };
}

/** How far a stage has come: the names of its rounds, and the objects of the last one. */
async function stageProgress(store: Lists, campaign: string, stage: Stage): Promise<StageProgress> {
  const at = (round: number): RoundAddress => ({ campaign, stage: stage.name, round });
  const folders = new Set(await collect(store.folders(federationKeys.stagePrefix(at(1)))));
  const rounds = openedRounds(stage, (round) => folders.has(federationKeys.round(at(round))));
  for (const round of rounds.toReversed()) {
    const current = await listRound(store, at(round));
    // A folder without terms is of a stage whose name continues this one's.
    if (current) return { stage, current, completed: round === roundsOf(stage) && current.phase === 'committed' };
  }
  return { stage, current: undefined, completed: false };
}

/** The state of a round; undefined if it has not been opened. */
export async function listRound(store: Pick<Lists, 'list'>, at: RoundAddress): Promise<RoundState | undefined> {
  const prefix = federationKeys.round(at);
  return roundStates(await collect(store.list(prefix))).get(prefix);
}
