import { describeError, isFedcardioError } from '../../../lib/error.ts';
import { federationKeys } from '../../../lib/federation/keys.ts';
import { planSchema } from '../../../lib/federation/schemas.ts';
import type { ReaderContext } from '../../../lib/protocol/context.ts';
import { type CampaignOverview, openRounds } from '../../../lib/protocol/status.ts';
import { readJson } from '../../../lib/storage/documents.ts';
import { readTasks } from '../../../lib/storage/federation-tasks.ts';
import { listCampaignsWith } from '../../campaign/listed.ts';
import { type CostSoFar, costSoFar } from '../../cost/so-far.ts';
import type { PageContext } from '../context.ts';
import type { Handler } from '../handler.ts';

/** All campaigns: those that `fedcardio campaign list` shows, with what they wait for and the estimated cost. */
export const campaigns: Handler<'campaigns'> = async (context, { query }) => {
  const { reader, declared, now, log, federation } = context;
  const polled: ReaderContext = { federation, federationStore: reader, now, log };
  const estimate = declared ? createEstimate(context) : undefined;
  let noCost = declared ? undefined : 'Start the page with --federation federation.json to see what a campaign costs.';
  const listed = await listCampaignsWith({ federationStore: reader }, async (overview) => {
    const cost = await estimate?.(overview).catch((error: unknown) => {
      if (!isFedcardioError(error)) throw error;
      noCost = describeError(error);
      return undefined;
    });
    return { ...(query.part === 'all' && { waiting: await waitingOf(polled, overview) }), cost };
  });
  return {
    campaigns: listed.map(({ running, waiting = [], ...campaign }) => ({
      ...campaign,
      running: [...running],
      ...(query.part === 'all' && { waiting }),
    })),
    noCost,
  };
};

/** What an active campaign waits for. */
async function waitingOf(context: ReaderContext, overview: CampaignOverview) {
  if (overview.endedAt !== undefined) return [];
  const rounds = await openRounds(context, overview);
  return rounds
    .filter(({ phase, awaited }) => phase === 'open' || awaited)
    .map(({ stage, round, waitingFor, deadline, awaited }) => ({
      stage,
      round,
      sites: [...waitingFor],
      until: awaited?.until ?? deadline,
    }));
}

/** The cost so far of a campaign; undefined if it has no plan. */
export function createEstimate({ federation, reader }: PageContext) {
  const tasks = readTasks({ federation, federationStore: reader });
  // A campaign without a plan does not ask for them.
  tasks.catch(() => undefined);
  return async ({ campaign, plannedAt, stages }: CampaignOverview): Promise<CostSoFar | undefined> => {
    if (plannedAt === undefined) return undefined;
    const { value: plan } = await readJson(reader, federationKeys.plan(campaign), planSchema);
    const opened = new Map(stages.map(({ stage, rounds }) => [stage.name, rounds.length]));
    return costSoFar(federation, plan.campaign, plan.tasks ?? (await tasks), opened);
  };
}
