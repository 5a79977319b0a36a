import { federationKeys } from '../federation/keys.ts';
import { type Outcome, outcomeSchema } from '../federation/schemas.ts';
import { createJson } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';

/**
 * Creates a campaign's outcome, which ends it. If it already has one, that outcome stands.
 *
 * @param reason why it failed or was cancelled, for the user who started it
 * @returns the outcome that stands
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
