import { federationKeys } from '../federation/keys.ts';
import { type Outcome, outcomeSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { createJson } from '../storage/documents.ts';
import type { StoreContext } from './ports.ts';

/**
 * Ends a campaign for good. Of several outcomes the first stands, and is returned.
 *
 * @param reason why it failed, in words for the one who started it; a completed campaign needs none
 */
export async function endCampaign(
  { federation, objects, now, log }: StoreContext,
  campaign: string,
  status: Outcome['status'],
  reason?: string,
): Promise<Outcome> {
  const bucket = names.federationBucket(federation.id);
  const { value, created } = await createJson(objects, bucket, federationKeys.outcome(campaign), outcomeSchema, {
    schema: 'fedcardio.outcome/1',
    campaign,
    status,
    ...(reason === undefined ? {} : { reason }),
    at: now().toISOString(),
  });
  if (created) log('campaign-ended', { campaign, status, reason });
  return value;
}
