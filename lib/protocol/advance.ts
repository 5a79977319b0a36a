import { collect } from '../async.ts';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { nextActions } from './actions.ts';
import type { CoordinatorContext } from './context.ts';
import { endCampaign } from './outcome.ts';
import { isPaused, readPauses } from './pauses.ts';
import { ensurePlan } from './planning.ts';
import { resendGpuTasks, startRound } from './rounds.ts';
import { openMasks } from './secure/open-masks.ts';
import { campaignState } from './state.ts';

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
  const listing = await collect(context.federationStore.list(federationKeys.campaignPrefix(campaign)));
  const has = (key: string) => listing.some((object) => object.key === key);
  if (has(federationKeys.outcome(campaign))) return [];
  if (!has(federationKeys.plan(campaign)) && !has(federationKeys.campaign(campaign))) return [];
  const plan = await ensurePlan(context, campaign);
  if (!plan) return [];

  const paused = has(federationKeys.control(campaign)) && isPaused(await readPauses(context.federationStore, campaign));
  const state = campaignState(plan.value, listing);
  const resendAfterSeconds = options.resendAfterSeconds ?? RESEND_AFTER_SECONDS;
  const actions = nextActions(state, context.now(), resendAfterSeconds);
  const isSecure = plan.value.campaign.privacy?.secureAggregation !== undefined;
  for (const action of actions) {
    if (action.kind === 'complete') await endCampaign(context, campaign, 'completed');
    else if (action.kind === 'open' && !paused)
      await startRound(context, plan, action.at, options.decided === undefined ? resendAfterSeconds : 0);
    else if (action.kind === 'send' && !paused) await resendGpuTasks(context, action.at);
    else if (action.kind === 'close' && !paused) {
      if (isSecure && has(federationKeys.seal(action.at)))
        await openMasks(context, plan, action.at, resendAfterSeconds);
      else if (options.decided !== undefined) await resendGpuTasks(context, action.at, options.decided);
    }
  }
  return actions.flatMap((action) => (action.kind === 'close' ? [action.at] : []));
}
