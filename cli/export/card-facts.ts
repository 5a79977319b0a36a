import type { Score } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import type { CardFacts, CardFigure, CardScore } from '../../lib/models/model-card.ts';
import type { TrainedModel } from '../../lib/models/package.ts';
import { stageOf } from '../../lib/protocol/plan.ts';
import { seededRandom } from '../../lib/random.ts';
import { bootstrap } from '../../lib/scoring/bootstrap.ts';
import { metricsOf } from '../../lib/scoring/metrics.ts';
import { VERSION } from '../../lib/version.ts';
import type { CampaignRecord } from '../report/collect.ts';

/**
 * What a campaign's documents say about a model, for its card. Scores are those of the campaign's evaluations.
 *
 * @param plan SHA-256 of the campaign's plan
 */
export function cardFacts(
  record: CampaignRecord,
  { origin, tasks }: TrainedModel,
  plan: string,
  licence: string | undefined,
): CardFacts {
  const stage = stageOf(record.plan, origin.stage);
  const commits = record.stages.find(({ name }) => name === origin.stage)?.commits ?? [];
  const updates = commits.find(({ round }) => round === origin.round)?.updates ?? [];
  return {
    release: VERSION,
    plan,
    data: { sites: updates.length, cases: updates.reduce((sum, { samples }) => sum + samples, 0) },
    pseudoLabels: stage.kind === 'student' && stage.pseudoLabels !== undefined,
    scores: tasks.flatMap((task) => scoreOf(record, origin.stage, task)),
    licence,
  };
}

function scoreOf({ plan, scores }: CampaignRecord, stage: string, task: Task): readonly CardScore[] {
  const names = plan.campaign.stages.flatMap((one) =>
    one.kind === 'evaluate' ? Object.keys(one.models).filter((name) => one.models[name] === stage) : [],
  );
  // A model that is evaluated under two names has two equal lists.
  const [name] = names;
  const sites = [...scores.values()]
    .map((all) => all.filter((score) => score.model === name && score.task === task.id))
    .filter((of) => of.length > 0);
  const metrics = metricsOf(sites.flat())[task.id];
  if (!metrics) return [];
  const estimate = (figure: (of: readonly Score[]) => number | null): CardFigure => interval(sites, figure);
  const base = { task: task.id, sites: sites.length, n: metrics.n };
  if (metrics.kind === 'segmentation') return [{ ...base, main: estimate((of) => diceOf(of, task)) }];
  return [
    {
      ...base,
      main: estimate((of) => pointsOf(of, task)?.within6mm ?? null),
      error: estimate((of) => pointsOf(of, task)?.median ?? null),
      missing: metrics.missing,
    },
  ];
}

function pointsOf(scores: readonly Score[], { id }: Task) {
  const metrics = metricsOf(scores)[id];
  return metrics?.kind === 'landmarks' ? metrics : undefined;
}

function diceOf(scores: readonly Score[], { id }: Task): number | null {
  const metrics = metricsOf(scores)[id];
  return metrics?.kind === 'segmentation' ? metrics.dice : null;
}

/** No interval for one site: all draws are the same. */
function interval(sites: readonly (readonly Score[])[], figure: (of: readonly Score[]) => number | null): CardFigure {
  const estimate = bootstrap(sites, (drawn) => figure(drawn.flat()), seededRandom(1, 'model-card'));
  return sites.length > 1 ? estimate : { ...estimate, low: null, high: null };
}
