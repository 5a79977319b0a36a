import type { Plan, Score, Stage } from '../../../lib/federation/schemas.ts';
import { WITHIN_MM } from '../../../lib/federation/tasks.ts';
import { own } from '../../../lib/own.ts';
import { definitionsOf } from '../../../lib/protocol/plan.ts';
import { scoredCases } from '../../../lib/report/scored-cases.ts';
import type { Metrics, MetricsByTask, PointMetrics } from '../../../lib/scoring/metrics.ts';
import type { Distribution, Figures, Results, TaskResults } from '../../../page/api/results.ts';
import { modelReports } from '../../report/report-of.ts';

/** What the evaluations of a campaign have found, by site. */
export interface Scored {
  readonly plan: Plan;
  readonly scores: ReadonlyMap<string, readonly Score[]>;
  readonly missing: Results['missing'];
  readonly nameOf: (site: string) => string;
}

/** The tables of the paper for a campaign, whatever its models and tasks are. */
export function resultsView({ plan, scores, missing, nameOf }: Scored): Results {
  const stages: readonly Stage[] = plan.campaign.stages;
  const sites = [...scores.keys()].sort();
  const tasks = definitionsOf(plan).map(({ id, title, kind, classes, classTitles = classes }) => ({
    id,
    title,
    kind,
    names: classes,
    classes: [...classTitles],
  }));
  const all = [...scores.values()].flat();
  const models = modelReports(stages, scores).map(({ name, stage, role, metrics, bySite }) => ({
    name,
    stage,
    ...(role !== undefined && { role }),
    tasks: tasks.flatMap(({ id, names }): TaskResults[] => {
      const found = own(metrics, id);
      if (!found) return [];
      const ofSite = (site: string): Metrics | undefined => own(own(bySite, site) ?? ({} as MetricsByTask), id);
      return [
        {
          task: id,
          all: figuresOf(found),
          distribution: distributionOf(all.filter((score) => score.model === name && score.task === id)),
          sites: sites.flatMap((site, index): TaskResults['sites'] => {
            const at = ofSite(site);
            return at ? [[index, figuresOf(at)]] : [];
          }),
          points: names.flatMap((point, index): TaskResults['points'] => {
            const at = found.kind === 'landmarks' ? own(found.byPoint ?? {}, point) : undefined;
            return at ? [[index, pointFigures(at)]] : [];
          }),
        },
      ];
    }),
  }));
  const isScored = (task: string) => models.some((model) => model.tasks.some((one) => one.task === task));
  return {
    campaign: plan.campaign.id,
    scoredOn: scoredCases(stages),
    withinMm: WITHIN_MM,
    tasks: tasks.filter(({ id }) => isScored(id)).map(({ names: _, ...task }) => task),
    sites: sites.map((id) => ({ id, name: nameOf(id) })),
    missing,
    models: models.filter((model) => model.tasks.length > 0),
  };
}

function figuresOf(metrics: Metrics): Figures {
  if (metrics.kind === 'landmarks') return pointFigures(metrics);
  const { kind, n, bothEmpty, oneEmpty, dice, p10, hausdorff95, volume, volumeRatio } = metrics;
  return {
    ...{ kind, n, bothEmpty, oneEmpty, dice, p10, hausdorff95 },
    ...(volume && { volume: { ...volume } }),
    ...(volumeRatio !== undefined && { volumeRatio }),
  };
}

const pointFigures = ({ n, missing, median, p90, within6mm }: PointMetrics): Figures => ({
  kind: 'landmarks',
  n,
  missing,
  median,
  p90,
  within: within6mm,
});

/** Most values of a distribution that are sent. */
const MOST = 300;

/** The errors of all points, or the Dice of all cases. */
function distributionOf(scores: readonly Score[]): Distribution {
  const values = scores.flatMap(({ errors, dice }) => (errors ? Object.values(errors).flat() : (dice ?? [])));
  const found = values.filter((value) => value !== null).sort((a, b) => a - b);
  const step = (found.length - 1) / (MOST - 1);
  const sent =
    found.length <= MOST ? found : Array.from({ length: MOST }, (_, i) => found[Math.round(i * step)] as number);
  return {
    values: sent.map((value) => Number(value.toPrecision(4))),
    n: found.length,
    without: values.length - found.length,
  };
}
