import { parseCampaignKey } from '../lib/federation/keys.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import type { SqsHandler } from './context.ts';
import { forEachS3Message } from './sqs-records.ts';

/** Reconciles campaigns after an upload of a campaign, a control file or a commit. */
export const orchestrate: SqsHandler = (event, context) =>
  forEachS3Message(event, context, async ({ objects }, own) => {
    const campaigns = new Set(objects.map(({ key }) => parseCampaignKey(key)));
    for (const campaign of campaigns) {
      if (campaign !== undefined) await advanceCampaign(own, campaign);
    }
  });
