import { campaignOfKey, parseConsentKey } from '../lib/federation/keys.ts';
import { advanceCampaign } from '../lib/protocol/advance.ts';
import { hasDecided } from '../lib/protocol/consent/answers.ts';
import type { SqsHandler } from './context.ts';
import { forEachS3Message } from './sqs-records.ts';

/**
 * Reconciles campaigns after an upload of a campaign, a control file or a commit, a short answer of a site, or a person's decision
 * there.
 */
export const orchestrate: SqsHandler = (event, context) =>
  forEachS3Message(event, context, async ({ objects }, own) => {
    const campaigns = new Set(objects.map(({ key }) => campaignOfKey(key)));
    for (const campaign of campaigns) {
      if (campaign !== undefined) await advanceCampaign(own, campaign);
    }
    for (const { key } of objects) {
      const { site, campaign } = parseConsentKey(key) ?? {};
      if (site === undefined || campaign === undefined || !(await hasDecided(own, campaign, site))) continue;
      await advanceCampaign(own, campaign, { decided: site });
    }
  });
