import { cancelCampaign, pauseCampaign, resumeCampaign } from '../../../lib/protocol/control.ts';
import { isPaused } from '../../../lib/protocol/pauses.ts';
import { readCurves } from '../campaign/curves.ts';
import { readCampaign, readOverview } from '../campaign/read.ts';
import { campaignView } from '../campaign/view.ts';
import type { Handler } from '../handler.ts';

/** A campaign: what `fedcardio campaign status` and `watch` show. */
export const campaign: Handler<'campaign'> = async (context, { params, query }) => {
  const { status, documents } =
    query.part === 'overview'
      ? await readOverview(context, params.campaign)
      : await readCampaign(context, params.campaign, query.part === 'all');
  return campaignView(status, documents);
};

/** Losses of a stage, of all sites together and of single ones. */
export const curves: Handler<'curves'> = (context, { params, query }) =>
  readCurves(context, params.campaign, query.stage, query.sites?.split(','));

/** What `fedcardio campaign pause`, `resume` and `cancel` do. */
export const controlCampaign: Handler<'controlCampaign'> = async (context, { params, body: { action, reason } }) => {
  if (action === 'cancel') return { phase: (await cancelCampaign(context, params.campaign, reason)).status };
  const pauses =
    action === 'pause'
      ? await pauseCampaign(context, params.campaign, reason)
      : await resumeCampaign(context, params.campaign);
  return { phase: isPaused(pauses) ? 'paused' : 'running' };
};
