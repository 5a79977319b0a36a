import { federationKeys } from '../federation/keys.ts';
import { type Outcome, outcomeSchema } from '../federation/schemas.ts';
import { createJson } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';

/**
 * Ends a campaign for good. Of several outcomes the first stands, and is returned.
 *
 * @param reason why it failed, in words for the one who started it; a completed campaign needs none
 */
export async function endCampaign(
  { federationStore, now, log }: StoreContext,
  campaign: string,
  status: Outcome['status'],
  reason?: string,
): Promise<Outcome> {
  const { value, created } = await createJson(federationStore, federationKeys.outcome(campaign), outcomeSchema, {
    schema: 'fedcardio.outcome/1',
    campaign,
    status,
    ...(reason === undefined ? {} : { reason }),
    at: now().toISOString(),
  });
  if (created) log('campaign-ended', { campaign, status, reason });
  return value;
}
