import { federationKeys } from '../federation/keys.ts';
import { commitSchema, type Outcome, outcomeSchema } from '../federation/schemas.ts';
import { createJson, readJson } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';
import type { CampaignProgress } from './state.ts';

/** Ends a campaign whose stages have all completed. Its outcome names the last commit of each. */
export async function completeCampaign(
  context: StoreContext,
  { campaign, stages }: CampaignProgress,
): Promise<Outcome> {
  const commits = await Promise.all(
    stages
      .flatMap(({ current }) => (current ? [current.at] : []))
      .map(async (at) => {
        const { sha256 } = await readJson(context.federationStore, federationKeys.commit(at), commitSchema);
        return { stage: at.stage, sha256 };
      }),
  );
  return createOutcome(context, { campaign, status: 'completed', commits });
}

/**
 * Ends a campaign as failed or cancelled. If it already has an outcome, that one stands.
 *
 * @param reason why, for the user who started it
 * @returns the outcome that stands
 */
export const endCampaign = (
  context: StoreContext,
  campaign: string,
  status: 'failed' | 'cancelled',
  reason?: string,
): Promise<Outcome> => createOutcome(context, { campaign, status, ...(reason === undefined ? {} : { reason }) });

/** Creates a campaign's outcome. If it already has one, that outcome stands. */
async function createOutcome(
  { federationStore, now, log }: StoreContext,
  outcome: Omit<Outcome, 'schema' | 'at'>,
): Promise<Outcome> {
  const { campaign, status, reason } = outcome;
  const { value, created } = await createJson(federationStore, federationKeys.outcome(campaign), outcomeSchema, {
    schema: 'fedcardio.outcome/1',
    ...outcome,
    at: now().toISOString(),
  });
  if (created) log('campaign-ended', { campaign, status, reason });
  return value;
}
