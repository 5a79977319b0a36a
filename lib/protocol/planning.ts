import { describeError, isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { campaignSchema, type Plan, planSchema } from '../federation/schemas.ts';
import { parseJson } from '../json.ts';
import { createJson, type Document, readJson, tryReadJson } from '../storage/documents.ts';
import { readTasks } from '../storage/federation-tasks.ts';
import { confidenceWarnings } from './confidence-warnings.ts';
import type { StoreContext } from './context.ts';
import { endCampaign } from './outcome.ts';
import { planCampaign } from './plan.ts';
import { planWarnings } from './plan-warnings.ts';

/**
 * A campaign's plan. Creates it from campaign.json if it does not exist yet.
 *
 * @returns undefined when the campaign cannot be planned: it has then been ended, with the reason in its outcome
 */
export async function ensurePlan(context: StoreContext, campaign: string): Promise<Document<Plan> | undefined> {
  const { federation, federationStore, now, log } = context;
  const key = federationKeys.plan(campaign);
  const existing = await tryReadJson(federationStore, key, planSchema);
  if (existing) return existing;
  try {
    // A person wrote it: a typing error must be reported, not ignored.
    const source = await readJson(federationStore, federationKeys.campaign(campaign), campaignSchema, parseJson);
    const sites = federation.sites.map(({ id }) => id);
    const planned = planCampaign(campaign, source, now(), {
      tasks: await readTasks(context),
      minSites: federation.minSites,
      sites,
    });
    const found = [...planWarnings(planned.campaign, sites), ...confidenceWarnings(planned)];
    const terms = { ...planned, ...(found.length > 0 && { warnings: [...found] }) };
    const plan = await createJson(federationStore, key, planSchema, terms);
    const { stages } = plan.value.campaign;
    const { warnings } = plan.value;
    if (plan.created) log('campaign-planned', { campaign, stages: stages.map(({ name }) => name), warnings });
    return plan;
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_MESSAGE') && !isFedcardioError(error, 'BAD_CONFIGURATION')) throw error;
    await endCampaign(context, campaign, 'failed', `${describeError(error)} Correct it and upload it under a new id.`);
    return undefined;
  }
}
