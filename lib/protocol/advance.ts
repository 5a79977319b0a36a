import { type FederationKey, federationKeys, type RoundAddress } from '../federation/keys.ts';
import { nextActions } from './actions.ts';
import { campaignProgress, hasObject, listCampaign } from './campaign-listing.ts';
import type { CoordinatorContext } from './context.ts';
import { completeCampaign } from './outcome.ts';
import { isPaused, readPauses } from './pauses.ts';
import { ensurePlan } from './planning.ts';
import { resendGpuTasks, startRound } from './rounds.ts';
import { openMasks } from './secure/open-masks.ts';
import type { CampaignProgress } from './state.ts';

export interface AdvanceOptions {
  /** Seconds after which a round's GPU task messages count as lost and are sent again; 900 by default. */
  readonly resendAfterSeconds?: number;
  /** A site that has decided on the campaign: it is asked again at once. */
  readonly decided?: string | undefined;
}

/** Long compared with a queue's delivery, short compared with a deadline of a day. A running GPU task is not started again. */
const RESEND_AFTER_SECONDS = 900;

/**
 * Reconciles a campaign: plans it, opens rounds and sends their GPU tasks, resends GPU tasks that seem lost, ends the campaign.
 * Idempotent and safe to call concurrently.
 *
 * @returns the rounds for which the caller has to call `closeRound`
 */
export async function advanceCampaign(
  context: CoordinatorContext,
  campaign: string,
  options: AdvanceOptions = {},
): Promise<readonly RoundAddress[]> {
  const store = context.federationStore;
  const listing = await listCampaign(store, campaign, context.listedKeys);
  const has = (key: FederationKey) => hasObject(store, listing, key);
  if (await has(federationKeys.outcome(campaign))) return [];
  if (!(await has(federationKeys.campaign(campaign))) && !(await has(federationKeys.plan(campaign)))) return [];
  const plan = await ensurePlan(context, campaign);
  if (!plan) return [];

  const paused = (await has(federationKeys.control(campaign))) && isPaused(await readPauses(store, campaign));
  const progress = await campaignProgress(store, plan.value, listing);
  const resendAfterSeconds = options.resendAfterSeconds ?? RESEND_AFTER_SECONDS;
  const actions = nextActions(progress, context.now(), resendAfterSeconds);
  const isSecure = plan.value.campaign.privacy?.secureAggregation !== undefined;
  for (const action of actions) {
    if (action.kind === 'complete') await completeCampaign(context, progress);
    else if (action.kind === 'open' && !paused)
      await startRound(context, plan, action.at, options.decided === undefined ? resendAfterSeconds : 0);
    else if (action.kind === 'send' && !paused) await resendGpuTasks(context, action.at);
    else if (action.kind === 'close' && !paused) {
      if (isSecure && isSealed(progress, action.at)) await openMasks(context, plan, action.at, resendAfterSeconds);
      else if (options.decided !== undefined) await resendGpuTasks(context, action.at, options.decided);
    }
  }
  return actions.flatMap((action) => (action.kind === 'close' ? [action.at] : []));
}

const isSealed = ({ stages }: CampaignProgress, at: RoundAddress): boolean =>
  stages.some(({ stage, current }) => stage.name === at.stage && current?.phase === 'sealed');
