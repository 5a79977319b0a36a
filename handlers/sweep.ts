import { describeError, isFedcardioError } from '../lib/error.ts';
import { federationKeys, parseCampaignKey } from '../lib/federation/keys.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import { closeRound } from '../lib/protocol/close-round.ts';
import { endCampaign } from '../lib/protocol/outcome.ts';
import type { HandlerContext } from './context.ts';

export interface SweepOptions {
  /** Age at which a round's messages count as lost, in seconds; 0 after the queues themselves were lost. */
  readonly resendAfterSeconds?: number;
}

/**
 * Reconciles every campaign that has not ended, and its open rounds: closes rounds whose deadline or grace period is
 * over, and does what a lost event left undone. Called every minute. A campaign that fails is logged and does not stop
 * the others; it ends if no later sweep could get further.
 */
export async function sweep(context: HandlerContext, options: SweepOptions = {}): Promise<void> {
  const { federationStore, log } = context;
  for await (const folder of federationStore.folders(federationKeys.campaignsPrefix)) {
    const campaign = parseCampaignKey(folder);
    if (campaign === undefined || (await federationStore.head(federationKeys.outcome(campaign)))) continue;
    try {
      for (const at of await advanceCampaign(context, campaign, options)) await closeRound(context, at);
    } catch (error) {
      log('sweep-failed', { campaign, reason: describeError(error) });
      if (isFedcardioError(error, 'BAD_MESSAGE')) await endCampaign(context, campaign, 'failed', describeError(error));
    }
  }
}
