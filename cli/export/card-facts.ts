import type { Task } from '../../lib/federation/tasks.ts';
import type { CardFacts, CardFigure, CardScore } from '../../lib/models/model-card.ts';
import type { TrainedModel } from '../../lib/models/package.ts';
import { foundationsOf } from '../../lib/protocol/learnt-models.ts';
import { stageOf } from '../../lib/protocol/plan.ts';
import { seededRandom } from '../../lib/random.ts';
import { privacyLines } from '../../lib/report/privacy-text.ts';
import { reportedEvaluations } from '../../lib/report/scored-cases.ts';
import { estimateOverSeeds } from '../../lib/scoring/bootstrap.ts';
import { landmarkMetrics, metricsOf, segmentationMetrics } from '../../lib/scoring/metrics.ts';
import { VERSION } from '../../lib/version.ts';
import type { CampaignRecord } from '../report/collect.ts';

/**
 * What a campaign's documents say about a model, for its card. Scores are those of the evaluations that the
 * campaign's report has.
 *
 * @param plan SHA-256 of the campaign's plan
 */
export function cardFacts(
  record: CampaignRecord,
  { origin, tasks }: TrainedModel,
  plan: string | undefined,
  licence: string | undefined,
): CardFacts {
  const stage = stageOf(record.plan, origin.stage);
  const commits = record.stages.find(({ name }) => name === origin.stage)?.commits ?? [];
  const privacy = privacyLines(record).join(' ');
  const updates = commits.find(({ round }) => round === origin.round)?.updates ?? [];
  return {
    release: VERSION,
    plan,
    data: { sites: updates.length, cases: updates.reduce((sum, { samples }) => sum + samples, 0) },
    withdrawn: withdrawnFrom(record, origin, plan !== undefined),
    pseudoLabels: stage.kind === 'student' && stage.pseudoLabels !== undefined,
    scores: tasks.flatMap((task) => scoreOf(record, origin.stage, task)),
    ...(privacy !== '' && { privacy }),
    licence,
  };
}

/**
 * Cases behind a model that were withdrawn since, and the commits of its stage and of those that it is built on that contain
 * some.
 */
function withdrawnFrom(
  { plan, stages }: CampaignRecord,
  { stage, round }: TrainedModel['origin'],
  areHashesKnown: boolean,
): CardFacts['withdrawn'] {
  const built = new Set([stage]);
  // Stages name only earlier ones.
  for (const one of plan.campaign.stages.toReversed()) {
    if (built.has(one.name)) for (const other of foundationsOf(one)) built.add(other);
  }
  const commits = stages
    .filter(({ name }) => built.has(name))
    .flatMap(({ name, commits }) => commits.filter((commit) => name !== stage || commit.round <= round));
  const own = stages.find(({ name }) => name === stage)?.commits.find((commit) => commit.round === round);
  return {
    cases: own?.withdrawn ?? 0,
    commits: areHashesKnown ? commits.filter(({ withdrawn = 0 }) => withdrawn > 0).map(({ sha256 }) => sha256) : [],
  };
}

function scoreOf({ plan, scores }: CampaignRecord, stage: string, task: Task): readonly CardScore[] {
  // A model may be evaluated under several names, such as with different overlaps. The card has the first.
  const [name] = reportedEvaluations(plan.campaign.stages).flatMap(({ models }) =>
    Object.keys(models).filter((one) => models[one] === stage),
  );
  const sites = [...scores.values()]
    .map((all) => all.filter((score) => score.model === name && score.task === task.id))
    .filter((of) => of.length > 0);
  const metrics = metricsOf(sites.flat())[task.id];
  if (!metrics) return [];
  const base = { task: task.id, sites: sites.length, n: metrics.n };
  if (metrics.kind === 'segmentation') {
    const dice = sites.map((of) => of.flatMap((score) => score.dice ?? []));
    return [{ ...base, main: estimate(dice, (values) => segmentationMetrics(values).dice) }];
  }
  const errors = sites.map((of) => of.flatMap((score) => Object.values(score.errors ?? {}).flat()));
  return [
    {
      ...base,
      main: estimate(errors, (values) => landmarkMetrics(values).within6mm),
      error: estimate(errors, (values) => landmarkMetrics(values).median),
      missing: metrics.missing,
    },
  ];
}

/**
 * A figure of all sites' values, with an interval that draws sites, then values within them.
 *
 * @param sites one list of values each: points or cases; null for a missing one
 */
function estimate(
  sites: readonly (readonly (number | null)[])[],
  figure: (values: readonly (number | null)[]) => number | null,
): CardFigure {
  const seed = sites.map((values) => [values]);
  const { value, byBootstrap } = estimateOverSeeds(
    [seed],
    ([values = []]) => figure(values),
    seededRandom(1, 'model-card'),
  );
  return { value, low: byBootstrap?.low ?? null, high: byBootstrap?.high ?? null };
}
