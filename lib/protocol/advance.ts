import { collect } from '../async.ts';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import { nextActions } from './actions.ts';
import type { CoordinatorContext } from './context.ts';
import { endCampaign } from './outcome.ts';
import { isPaused, readPauses } from './pauses.ts';
import { ensurePlan } from './planning.ts';
import { sendAgain, startRound } from './rounds.ts';
import { campaignState } from './state.ts';

export interface AdvanceOptions {
  /** Age at which a round's task messages are taken for lost and sent again, in seconds. */
  readonly resendAfterSeconds?: number;
}

/** Long beside a queue's delivery, short beside a day's deadline. A task that runs already is not started again. */
const RESEND_AFTER_SECONDS = 900;

/**
 * Looks at a campaign and does what it needs next: plans it, opens rounds and sends their tasks, sends them again
 * when they seem lost, ends the campaign. Safe to call at any time, any number of times, by many at once.
 *
 * @returns the rounds that wait to be closed (`closeRound` of lib/aggregation does that)
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

  const isHeld = has(federationKeys.control(campaign)) && isPaused(await readPauses(context.federationStore, campaign));
  const state = campaignState(plan.value, listing);
  const actions = nextActions(state, context.now(), options.resendAfterSeconds ?? RESEND_AFTER_SECONDS);
  for (const action of actions) {
    if (action.kind === 'complete') await endCampaign(context, campaign, 'completed');
    else if (action.kind === 'open' && !isHeld) await startRound(context, plan, action.at);
    else if (action.kind === 'send' && !isHeld) await sendAgain(context, action.at, action.answered);
  }
  return actions.flatMap((action) => (action.kind === 'close' ? [action.at] : []));
}
