import type { Metrics, PointMetrics } from '../scoring/metrics.ts';
import { type Cell, csv } from './csv-text.ts';
import type { Report } from './report.ts';

const SCORE_COLUMNS = [
  ...['model', 'stage', 'site', 'task', 'point', 'n', 'missing', 'median_mm', 'p90_mm', 'within_6mm'],
  ...['dice', 'mean_dice', 'p10_dice', 'hd95_mm', 'true_mm3', 'predicted_mm3'],
] as const;

/** One row for each model, site (empty: all sites), task and point (empty: all points). */
export const scoresCsv = ({ models }: Pick<Report, 'models'>): string =>
  csv([
    SCORE_COLUMNS,
    ...models.flatMap(({ name, stage, metrics, bySite }) =>
      [['', metrics] as const, ...Object.entries(bySite)].flatMap(([site, byTask]) =>
        Object.entries(byTask).flatMap(([task, of]) => (of ? scoreRows([name, stage, site, task], of) : [])),
      ),
    ),
  ]);

function scoreRows(of: readonly Cell[], metrics: Metrics): readonly (readonly Cell[])[] {
  if (metrics.kind === 'segmentation') {
    const { n, dice, meanDice, p10, hausdorff95, volume } = metrics;
    return [[...of, '', n, '', '', '', '', dice, meanDice, p10, hausdorff95, volume?.truth, volume?.prediction]];
  }
  const row = (point: string, { n, missing, median, p90, within6mm }: PointMetrics): readonly Cell[] => [
    ...[...of, point, n, missing, median, p90, within6mm],
    ...['', '', '', '', '', ''],
  ];
  return [row('', metrics), ...Object.entries(metrics.byPoint ?? {}).map(([point, one]) => row(point, one))];
}

/**
 * One row for each round and site that was asked. `validation_loss` is of the model that the round started from; `steps` is empty
 * without `secondsBudget`.
 */
export const roundsCsv = ({ stages }: Pick<Report, 'stages'>): string =>
  csv([
    [
      ...['stage', 'round', 'opened_at', 'committed_at', 'site', 'result', 'samples', 'seconds', 'loss', 'reason'],
      'validation_loss',
      'steps',
    ],
    ...stages.flatMap(({ name, commits }) =>
      commits.flatMap(({ round, openedAt, at, updates, coverage }) =>
        coverage.asked.map((site) => {
          const update = updates.find((one) => one.site === site);
          const excluded = coverage.excluded.find((one) => one.site === site);
          const result = excluded?.why ?? 'merged';
          const figures = [update?.samples, update?.seconds, update?.figures.loss];
          return [
            name,
            round,
            openedAt,
            at,
            site,
            result,
            ...figures,
            excluded?.reason,
            update?.validation?.loss,
            update?.figures.steps,
          ];
        }),
      ),
    ),
  ]);

/** `round_metrics.jsonl`: a line for each committed round, for tools that draw curves. */
export const roundMetricsLines = ({ campaign, stages }: Pick<Report, 'campaign' | 'stages'>): string =>
  stages
    .flatMap(({ name: stage, kind, commits }) =>
      commits.map(({ round, openedAt, at, samples, figures, updates, coverage, sha256, validation }) => {
        const { asked, merged, caseShare, excluded } = coverage;
        const sites = Object.fromEntries(updates.map(({ site, ...rest }) => [site, rest]));
        const times = { opened_at: openedAt, committed_at: at };
        const shares = { sites_asked: asked.length, sites_merged: merged.length, case_share: caseShare };
        const found = { samples, figures, ...(validation && { validation }), sites, excluded, commit: sha256 };
        return { campaign, stage, kind, round, ...times, ...shares, ...found };
      }),
    )
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
