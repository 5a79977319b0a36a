import { mapConcurrently } from '../../../lib/async.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { federationKeys, type RoundAddress } from '../../../lib/federation/keys.ts';
import { commitSchema, openSchema, planSchema } from '../../../lib/federation/schemas.ts';
import { groupBy } from '../../../lib/group-by.ts';
import { printable } from '../../../lib/printable.ts';
import { campaignOverview } from '../../../lib/protocol/status.ts';
import { reportedEvaluations, reportedScores } from '../../../lib/report/scored-cases.ts';
import { readJson, tryReadJson } from '../../../lib/storage/documents.ts';
import type { Results } from '../../../page/api/results.ts';
import { readMerged } from '../../report/collect.ts';
import { noCampaign } from '../campaign/read.ts';
import type { PageContext } from '../context.ts';
import { perContext } from '../hospital/per-context.ts';
import { resultsView } from './view.ts';

const ROUNDS_AT_ONCE = 4;
/** Evaluations whose updates are kept in memory. */
const KEPT = 20;

/** Evaluations that were read, by the SHA-256 of their commits: what a commit has merged does not change. */
const evaluationsOf = perContext(() => new Map<string, Promise<Evaluation>>());

/**
 * The results of a campaign so far: those of its committed evaluations.
 *
 * @throws FedcardioError NOT_FOUND if there is no such campaign, or it has no plan
 */
export async function readResults(context: PageContext, campaign: string): Promise<Results> {
  const { reader, federation } = context;
  const overview = await campaignOverview({ federationStore: reader }, campaign);
  if (!overview) throw noCampaign(federation.id, campaign);
  const plan = (await tryReadJson(reader, federationKeys.plan(campaign), planSchema))?.value;
  if (!plan) throw new FedcardioError('NOT_FOUND', `Campaign ${printable(campaign)} is not planned yet.`);
  const evaluations = new Set(reportedEvaluations(plan.campaign.stages).map(({ name }) => name));
  const rounds = overview.stages
    .filter(({ stage }) => evaluations.has(stage.name))
    .flatMap((stage) => stage.rounds.filter(({ phase }) => phase === 'committed'));
  const read = await mapConcurrently(rounds, ROUNDS_AT_ONCE, ({ at }) => evaluationAt(context, at));
  const merged = read.flatMap((round) => round.merged);
  const scoresOf = reportedScores(plan.campaign.stages);
  const names = new Map(federation.sites.map(({ id, name }) => [id, name]));
  return resultsView({
    plan,
    scores: new Map(
      [...groupBy(merged, ({ site }) => site)].map(([site, updates]) => [
        site,
        updates.flatMap((update) => scoresOf(update) ?? []),
      ]),
    ),
    missing: read.flatMap((round) => round.missing),
    nameOf: (site) => names.get(site) ?? site,
  });
}

type Evaluation = Awaited<ReturnType<typeof readEvaluation>>;

/** Takes a request for each site when it is read first. */
async function evaluationAt(context: PageContext, at: RoundAddress): Promise<Evaluation> {
  const { sha256 } = await readJson(context.reader, federationKeys.commit(at), commitSchema);
  const known = evaluationsOf(context);
  const evaluation = known.get(sha256) ?? readEvaluation(context.reader, at);
  known.delete(sha256);
  known.set(sha256, evaluation);
  for (const oldest of [...known.keys()].slice(0, -KEPT)) known.delete(oldest);
  evaluation.catch(() => known.delete(sha256));
  return evaluation;
}

/** The updates of an evaluation, and the participants that have none in it. */
async function readEvaluation(reader: PageContext['reader'], at: RoundAddress) {
  const { merged, seal } = await readMerged(reader, at);
  const { value: open } = await readJson(reader, federationKeys.open(at), openSchema);
  const sent = new Set(merged.map(({ site }) => site));
  const reasons = new Map(seal.failed.map(({ site, reason }) => [site, reason]));
  return {
    merged,
    missing: open.participants
      .filter(({ site }) => !sent.has(site))
      .map(({ site }) => ({
        site,
        evaluation: at.stage,
        reason: printable(reasons.get(site) ?? 'it had not answered when the round closed').slice(0, 500),
      })),
  };
}
