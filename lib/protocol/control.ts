import { FedcardioError, isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Control, controlSchema, type Outcome } from '../federation/schemas.ts';
import { tryReadJson, writeDocument } from '../storage/documents.ts';
import type { StoreContext } from './context.ts';
import { endCampaign } from './outcome.ts';
import { isPaused, type Pauses } from './pauses.ts';

/**
 * Pauses a campaign: no round opens and no GPU task is sent until it is resumed. Running GPU tasks continue, and their
 * updates count. Idempotent.
 *
 * @throws FedcardioError `NOT_FOUND` if there is no such campaign, `CAMPAIGN_FAILED` if it has ended
 */
export const pauseCampaign = (context: StoreContext, campaign: string, reason?: string): Promise<Pauses> =>
  changePauses(context, campaign, (pauses, now) =>
    isPaused(pauses) ? pauses : [...pauses, { from: now, until: null, ...(reason === undefined ? {} : { reason }) }],
  );

/** Resumes a campaign. Deadlines move by the duration of the pause. Idempotent; throws like {@link pauseCampaign}. */
export const resumeCampaign = (context: StoreContext, campaign: string): Promise<Pauses> =>
  changePauses(context, campaign, (pauses, now) =>
    pauses.map((pause) => (pause.until === null ? { ...pause, until: now } : pause)),
  );

/**
 * Cancels a campaign. Later updates are stored but never merged. Throws `NOT_FOUND` if there is no such campaign.
 *
 * @returns the campaign's outcome, which differs from `cancelled` if the campaign had already ended
 */
export async function cancelCampaign(context: StoreContext, campaign: string, reason?: string): Promise<Outcome> {
  await requireCampaign(context, campaign);
  return endCampaign(context, campaign, 'cancelled', reason);
}

async function changePauses(
  context: StoreContext,
  campaign: string,
  change: (pauses: Pauses, now: string) => Pauses,
): Promise<Pauses> {
  const { federationStore, now, log } = context;
  const key = federationKeys.control(campaign);
  await requireCampaign(context, campaign);
  for (;;) {
    if (await federationStore.tryGet(federationKeys.outcome(campaign))) {
      throw new FedcardioError('CAMPAIGN_FAILED', `Campaign ${campaign} has ended.`, {
        hint: '`npx fedcardio campaign status` shows how.',
      });
    }
    const stored = await tryReadJson(federationStore, key, controlSchema);
    const pauses = change(stored?.value.pauses ?? [], now().toISOString());
    const control: Control = { schema: 'fedcardio.control/1', campaign, pauses: [...pauses] };
    try {
      const condition = stored ? { ifMatch: stored.etag } : ({ ifNoneMatch: '*' } as const);
      await writeDocument(federationStore, key, controlSchema, control, condition);
      log('campaign-controlled', { campaign, paused: isPaused(pauses) });
      return pauses;
    } catch (error) {
      // Lost the race: reapply the change to the new version.
      if (!isFedcardioError(error, 'PRECONDITION_FAILED')) throw error;
    }
  }
}

async function requireCampaign({ federationStore, federation }: StoreContext, campaign: string): Promise<void> {
  if (await federationStore.tryGet(federationKeys.campaign(campaign))) return;
  throw new FedcardioError('NOT_FOUND', `Federation "${federation.id}" has no campaign "${campaign}".`, {
    hint: 'Check --federation and --endpoint.',
  });
}
