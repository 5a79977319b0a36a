import { describeError, isFedcardioError } from '../lib/error.ts';
import { federationKeys, parseCampaignKey } from '../lib/federation/keys.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import { closeRound } from '../lib/protocol/close-round.ts';
import { endCampaign } from '../lib/protocol/outcome.ts';
import { publishTasks } from '../lib/protocol/publish-tasks.ts';
import type { HandlerContext } from './context.ts';

export interface SweepOptions {
  /** Seconds until a round's messages count as lost. 0 if the queues themselves were lost. */
  readonly resendAfterSeconds?: number;
}

/**
 * Reconciles every campaign that has not ended, and its open rounds. This closes rounds after their deadline or grace
 * period, and makes up for lost events. Called every minute. A campaign that throws is logged and does not stop the
 * others; it ends as failed if its stored documents are invalid, but not if only a newer release can read them. Also
 * publishes the tasks that the federation declares; if that throws, it is logged and stops no campaign.
 */
export async function sweep(context: HandlerContext, options: SweepOptions = {}): Promise<void> {
  const { federationStore, log } = context;
  try {
    await publishTasks(context);
  } catch (error) {
    log('sweep-failed', { reason: describeError(error) });
  }
  for await (const folder of federationStore.folders(federationKeys.campaignsPrefix)) {
    const campaign = parseCampaignKey(folder);
    if (campaign === undefined) continue;
    try {
      if (await hasEnded(federationStore, campaign)) continue;
      for (const at of await advanceCampaign(context, campaign, options)) await closeRound(context, at);
    } catch (error) {
      const failed = (reason: string) => log('sweep-failed', { campaign, reason });
      failed(describeError(error));
      if (!isFedcardioError(error, 'BAD_MESSAGE')) continue;
      await endCampaign(context, campaign, 'failed', describeError(error)).catch((failure: unknown) =>
        failed(describeError(failure)),
      );
    }
  }
}

/** Campaigns that have ended, by store: kept as long as the process, so that each costs one request and not one a minute. */
const ended = new WeakMap<object, Set<string>>();

async function hasEnded(store: HandlerContext['federationStore'], campaign: string): Promise<boolean> {
  const known = ended.get(store) ?? new Set();
  ended.set(store, known);
  if (known.has(campaign)) return true;
  const outcome = await store.head(federationKeys.outcome(campaign));
  if (outcome) known.add(campaign);
  return outcome !== undefined;
}
