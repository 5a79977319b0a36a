import { describeError, isFedcardioError } from '../lib/error.ts';
import { federationKeys, parseCampaignKey } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import { closeRound } from '../lib/protocol/close-round.ts';
import { endCampaign } from '../lib/protocol/outcome.ts';
import type { HandlerContext } from './context.ts';

export interface SweepOptions {
  /** Age at which a round's task messages are taken for lost, in seconds; 0 after the queues themselves were lost. */
  readonly resendAfterSeconds?: number;
}

/**
 * Looks at every campaign that has not ended and at its rounds: closes those whose deadline or grace period is over,
 * and finds what a lost event left undone. To be called every minute. One campaign's trouble does not keep the
 * others: it is logged, and ends the campaign where no later sweep could get further.
 */
export async function sweep(context: HandlerContext, options: SweepOptions = {}): Promise<void> {
  const { objects, log } = context;
  const bucket = names.federationBucket(context.federation.id);
  for await (const folder of objects.folders(bucket, federationKeys.campaignsPrefix)) {
    const campaign = parseCampaignKey(folder);
    if (campaign === undefined || (await objects.head(bucket, federationKeys.outcome(campaign)))) continue;
    try {
      for (const at of await advanceCampaign(context, campaign, options)) await closeRound(context, at);
    } catch (error) {
      log('sweep-failed', { campaign, reason: describeError(error) });
      if (isFedcardioError(error, 'BAD_MESSAGE')) await endCampaign(context, campaign, 'failed', describeError(error));
    }
  }
}
