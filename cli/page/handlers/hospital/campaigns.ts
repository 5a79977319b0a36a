import { mapConcurrently } from '../../../../lib/async.ts';
import { isFedcardioError } from '../../../../lib/error.ts';
import { federationKeys } from '../../../../lib/federation/keys.ts';
import { summarySchema } from '../../../../lib/federation/schemas.ts';
import { decide } from '../../../../lib/protocol/consent/at-site.ts';
import { tryReadJson } from '../../../../lib/storage/documents.ts';
import type { PageContext } from '../../context.ts';
import type { Handler } from '../../handler.ts';
import { type AskedSources, askedCampaign, askedIds, consentView, undefinedIfDenied } from '../../hospital/asked.ts';
import { budgetView } from '../../hospital/budget-view.ts';
import { tasksOf } from '../../hospital/case-index.ts';
import { ownSite } from '../../hospital/own-site.ts';
import { Refusal } from '../../http/errors.ts';

const AT_ONCE = 8;

/** Campaigns that have asked this site. */
export const siteCampaigns: Handler<'siteCampaigns'> = async (context) => {
  const sources = await sourcesOf(context);
  const found = await mapConcurrently(await askedIds(sources), AT_ONCE, (id) =>
    askedCampaign(sources, id).catch((error: unknown) => {
      // Traces of a campaign whose plan was removed.
      if (isFedcardioError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }),
  );
  const { summary, store } = sources;
  const campaigns = found.flatMap((one) => one ?? []);
  const privacy = await budgetView(store).catch(undefinedIfDenied);
  return {
    ...(privacy && { privacy }),
    campaigns: campaigns.toSorted((a, b) => ((a.plannedAt ?? '') < (b.plannedAt ?? '') ? 1 : -1)),
    ...(summary && {
      counts: { training: summary.cases.training, evaluation: summary.cases.evaluation, at: summary.at },
    }),
  };
};

const CAMPAIGN = /^[A-Za-z0-9._-]{1,100}$/;

/** What one campaign asks, by its name: a site may read every plan, but not list the campaigns. */
export const siteCampaign: Handler<'siteCampaign'> = async (context, { params: { campaign } }) => {
  if (!CAMPAIGN.test(campaign)) throw noCampaign();
  return askedCampaign(await sourcesOf(context), campaign).catch((error: unknown) => {
    throw isFedcardioError(error, 'NOT_FOUND') ? noCampaign() : error;
  });
};

const noCampaign = () => new Refusal(404, 'NOT_FOUND', 'No campaign has such a name.');

/** Records a decision, with the viewer's own rights: those of the site's withdraw role. */
export const siteConsent: Handler<'siteConsent'> = async (context, { params: { campaign }, body }) => {
  if (!CAMPAIGN.test(campaign)) throw noCampaign();
  const { state, by, reason, plan, scores, figures, minimumCases } = body;
  const limits = {
    ...(scores && { scores }),
    ...(figures !== undefined && { figures }),
    ...(minimumCases !== undefined && { minimumCases }),
  };
  const { site, store } = ownSite(context);
  const { federationStore, now } = context;
  const decision = { state, by, reason, plan, limits };
  const consent = await decide({ site, store, federationStore, now }, campaign, decision);
  return consentView(consent, now());
};

async function sourcesOf(context: PageContext): Promise<AskedSources> {
  const { site, store } = ownSite(context);
  const { federationStore } = context;
  const [tasks, summary] = await Promise.all([
    tasksOf(context),
    tryReadJson(federationStore, federationKeys.summary(site), summarySchema).catch(undefinedIfDenied),
  ]);
  return { site, store, federationStore, tasks, summary: summary?.value, now: context.now };
}
