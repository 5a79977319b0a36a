import { parseCampaignKey } from '../lib/federation/keys.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import type { SqsHandler } from './context.ts';
import { s3Objects } from './s3-event.ts';
import { forEachRecord } from './sqs-records.ts';

/** A campaign was uploaded or a round committed: look at what the campaign needs next. */
export const orchestrate: SqsHandler = (event, context) =>
  forEachRecord(event, context, async (body, _record, own) => {
    const campaigns = new Set(s3Objects(body).map(({ key }) => parseCampaignKey(key)));
    for (const campaign of campaigns) {
      if (campaign !== undefined) await advanceCampaign(own, campaign);
    }
  });
