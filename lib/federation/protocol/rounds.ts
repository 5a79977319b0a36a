import { describeError, isFedcardioError } from '../../error.ts';
import { federationKeys, type RoundAddress } from '../keys.ts';
import { commitSchema, type Open, openSchema, type Plan, type Summary, summarySchema } from '../schemas.ts';
import { names } from '../topology.ts';
import { mapConcurrently } from './async.ts';
import { createJson, type Document, readJson, tryReadJson } from './documents.ts';
import { openRound } from './opening.ts';
import { endCampaign } from './outcome.ts';
import type { CoordinatorContext, StoreContext } from './ports.ts';
import { sendTasks } from './tasks.ts';

const READS_AT_ONCE = 16;

/**
 * Opens a stage's next round and sends its tasks, or ends the campaign where the round cannot be held. Of several
 * that open it at once, the one whose terms stand sends the tasks.
 */
export async function startRound(context: CoordinatorContext, plan: Document<Plan>, at: RoundAddress): Promise<void> {
  const { federation, objects, now, log } = context;
  const bucket = names.federationBucket(federation.id);
  const opening = openRound(
    at,
    {
      plan: plan.value,
      planSha256: plan.sha256,
      base: await baseOf(context, at),
      summaries: await readSummaries(context, plan.value.sites),
    },
    now(),
  );
  if (opening.kind === 'impossible') {
    await endCampaign(context, at.campaign, 'failed', opening.reason);
    return;
  }
  const { value, created } = await createJson(objects, bucket, federationKeys.open(at), openSchema, opening.open);
  if (!created) return;
  log('round-opened', { ...at, participants: value.participants, quorum: value.quorum });
  await sendTasks(context, at);
}

/** What a round starts from: the commit of the round before and its global model. */
async function baseOf({ federation, objects }: StoreContext, at: RoundAddress): Promise<Open['base']> {
  if (at.round === 1) return null;
  const key = federationKeys.commit({ ...at, round: at.round - 1 });
  const commit = await readJson(objects, names.federationBucket(federation.id), key, commitSchema);
  const { global } = commit.value;
  return global && { commit: commit.sha256, key: global.key, sha256: global.sha256 };
}

/** The summaries of the sites that have one. One that cannot be read keeps its own site out, and no other. */
async function readSummaries(
  { federation, objects, log }: StoreContext,
  sites: readonly string[],
): Promise<readonly Summary[]> {
  const bucket = names.federationBucket(federation.id);
  const found = await mapConcurrently(sites, READS_AT_ONCE, async (site) => {
    try {
      const summary = await tryReadJson(objects, bucket, federationKeys.summary(site), summarySchema);
      return summary?.value.site === site ? [summary.value] : [];
    } catch (error) {
      if (!isFedcardioError(error, 'BAD_MESSAGE')) throw error;
      log('summary-unreadable', { site, reason: describeError(error) });
      return [];
    }
  });
  return found.flat();
}
