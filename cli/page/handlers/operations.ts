import { mapConcurrently } from '../../../lib/async.ts';
import { isFedcardioError } from '../../../lib/error.ts';
import { printable } from '../../../lib/printable.ts';
import { campaignOverview, campaignStatus, type OpenRound, openRounds } from '../../../lib/protocol/status.ts';
import { isWithoutData } from '../../../lib/report/without-data.ts';
import { readSummaries } from '../../../lib/storage/summaries.ts';
import { VERSION } from '../../../lib/version.ts';
import type { Failure, SiteRelease } from '../../../page/api/operations.ts';
import { type ListedCampaign, listCampaigns } from '../../campaign/listed.ts';
import { pollingContext } from '../campaign/read.ts';
import type { PageContext } from '../context.ts';
import type { Handler } from '../handler.ts';

const AT_ONCE = 2;
/** Ended campaigns whose failures are shown. */
const ENDED = 3;
/** Most failures that are listed, and most characters of a reason. */
const MOST = 200;
const MAX_REASON = 500;

/** GPU tasks that failed, and updates that were refused, the newest rounds first. */
export const failures: Handler<'failures'> = async (context) => {
  const all = await listCampaigns({ federationStore: context.reader });
  const chosen = recentOf(all);
  const read = await mapConcurrently(chosen, AT_ONCE, ({ campaign }) => readFailures(context, campaign));
  const found = read.flat().sort((a, b) => b.openedAt.localeCompare(a.openedAt));
  return {
    campaigns: chosen.map(({ campaign }) => campaign),
    failures: found.slice(0, MOST),
    more: Math.max(0, found.length - MOST),
  };
};

/** Campaigns that run, and the last ones that ended. */
function recentOf(all: readonly ListedCampaign[]): readonly ListedCampaign[] {
  const readable = all.filter(({ phase }) => phase !== 'unreadable');
  const ended = readable
    .filter(({ endedAt }) => endedAt !== undefined)
    .sort((a, b) => (b.endedAt ?? '').localeCompare(a.endedAt ?? ''));
  return [...readable.filter(({ endedAt }) => endedAt === undefined), ...ended.slice(0, ENDED)];
}

/** Those of closed rounds are in their seals. Only for open rounds is listed what sites have sent. */
async function readFailures(context: PageContext, campaign: string): Promise<readonly Failure[]> {
  const polled = pollingContext(context);
  const overview = await campaignOverview(polled, campaign);
  const status = await campaignStatus(polled, campaign, { answers: false });
  if (!overview || !status) return [];
  const open = overview.endedAt === undefined ? await openRounds(polled, overview) : [];
  const isOpen = new Set(open.map(({ stage, round }) => `${stage} ${round}`));
  const closed = status.stages.flatMap(({ name: stage, rounds }) =>
    rounds.filter(({ round }) => !isOpen.has(`${stage} ${round}`)).map((round) => ({ stage, ...round })),
  );
  return [...closed, ...open].flatMap((round) => failuresOf(campaign, round));
}

const failuresOf = (campaign: string, { stage, round, openedAt, failed }: OpenRound): readonly Failure[] =>
  failed.map(({ site, reason, refused }) => {
    const state = refused ? 'refused' : isWithoutData({ reason }) ? 'no data' : 'failed';
    return { campaign, stage, round, site, state, reason: printable(reason).slice(0, MAX_REASON), openedAt };
  });

/** The release of each site, as its summary names it. */
export const releases: Handler<'releases'> = async ({ federation, reader }) => {
  const { counts, unreadable } = await readSummaries(reader).catch((error: unknown) => {
    // A site may not have counted yet.
    if (isFedcardioError(error, 'NOT_FOUND')) return { counts: new Map(), unreadable: [] };
    throw error;
  });
  const problems = new Map(unreadable.map(({ site, reason }) => [site, reason]));
  const names = new Map(federation.sites.map(({ id, name }) => [id, name]));
  const ids = [...new Set([...names.keys(), ...counts.keys(), ...problems.keys()])];
  return {
    own: VERSION,
    sites: ids.map((site): SiteRelease => {
      const summary = counts.get(site);
      const problem = problems.get(site);
      return {
        site,
        name: names.get(site) ?? site,
        ...(summary?.release !== undefined && { release: printable(summary.release) }),
        ...(summary && { at: summary.at }),
        ...(problem !== undefined && { problem: printable(problem) }),
      };
    }),
  };
};
