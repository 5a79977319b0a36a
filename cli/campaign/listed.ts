import { mapConcurrently } from '../../lib/async.ts';
import { describeError, isOfDocument } from '../../lib/error.ts';
import { roundsOf } from '../../lib/protocol/plan.ts';
import type { StageState } from '../../lib/protocol/state.ts';
import { type CampaignOverview, campaignOverview } from '../../lib/protocol/status.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { campaignIds } from '../campaign.ts';

const READS_AT_ONCE = 8;

/** A campaign as lists show it. */
export interface ListedCampaign {
  readonly campaign: string;
  readonly phase: CampaignOverview['phase'] | 'unreadable';
  readonly reason: string | undefined;
  /** Stages that run now. */
  readonly running: readonly { readonly stage: string; readonly round: number; readonly rounds: number }[];
  /** Rounds of all stages: committed, and planned. A completed stage counts as whole, also if it stopped early. */
  readonly rounds: { readonly done: number; readonly total: number };
  readonly uploadedAt: string | undefined;
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
}

interface Listing {
  readonly federationStore: Pick<FederationStore, 'bucket' | 'tryGet' | 'list' | 'folders'>;
}

/** What `more` tells of each campaign, beside what every list shows. */
type Detail<T> = (overview: CampaignOverview) => Promise<T>;

/**
 * All campaigns of a federation in byte order of their ids, one listing and three reads each. One that cannot be read, as
 * it is damaged or newer, does not hide the others.
 */
export const listCampaigns = (context: Listing): Promise<readonly ListedCampaign[]> =>
  listCampaignsWith(context, async () => ({}));

/** Like {@link listCampaigns}, with more of each campaign that can be read. */
export async function listCampaignsWith<T extends object>(
  context: Listing,
  more: Detail<T>,
): Promise<readonly (ListedCampaign & Partial<T>)[]> {
  const ids = await campaignIds(context);
  const read = await mapConcurrently(ids, READS_AT_ONCE, async (campaign) => {
    try {
      const overview = await campaignOverview(context, campaign);
      return overview ? [{ ...listedOf(overview), ...(await more(overview)) }] : [];
    } catch (error) {
      if (!isOfDocument(error)) throw error;
      return [unreadable(campaign, describeError(error)) as ListedCampaign & Partial<T>];
    }
  });
  return read.flat();
}

function listedOf({
  campaign,
  phase,
  reason,
  uploadedAt,
  plannedAt,
  endedAt,
  stages,
}: CampaignOverview): ListedCampaign {
  const running = stages
    .filter(({ completed, rounds }) => !completed && rounds.length > 0)
    .map(({ stage, rounds }) => ({ stage: stage.name, round: rounds.at(-1)?.at.round ?? 0, rounds: roundsOf(stage) }));
  const total = stages.reduce((sum, { stage }) => sum + roundsOf(stage), 0);
  const done = stages.reduce((sum, stage) => sum + doneOf(stage), 0);
  return { campaign, phase, reason, running, rounds: { done, total }, uploadedAt, plannedAt, endedAt };
}

const doneOf = ({ completed, rounds, stage }: StageState): number =>
  completed ? roundsOf(stage) : rounds.filter(({ phase }) => phase === 'committed').length;

const unreadable = (campaign: string, reason: string): ListedCampaign => ({
  campaign,
  phase: 'unreadable',
  reason,
  running: [],
  rounds: { done: 0, total: 0 },
  uploadedAt: undefined,
  plannedAt: undefined,
  endedAt: undefined,
});
