import { printable } from '../../lib/printable.ts';
import { clock, fixed, millimetres, percent } from '../../lib/report/format.ts';
import { MODEL_ROLES, type Report } from '../../lib/report/report.ts';
import { caveat, verdict } from '../../lib/report/result-sections.ts';
import { ROLE_TITLES } from '../../lib/report/titles.ts';
import type { Metrics } from '../../lib/scoring/metrics.ts';
import { table } from '../table.ts';

/** The result of a finished demo: verdict, figures, rejected files, time and memory. */
export function summaryText(report: Report): string {
  return [
    printable(verdict(report)),
    caveat(report),
    '',
    ...scoreTable(report),
    '',
    ...report.rejected.map(({ site, key, reason }) => printable(`rejected  ${site}/${key}: ${reason}`)),
    ...(report.rejected.length > 0 ? [''] : []),
    costLine(report),
  ].join('\n');
}

/** Scores by task and model. */
export function scoreTable(report: Pick<Report, 'tasks' | 'metrics'>): readonly string[] {
  const rows = report.tasks.flatMap(({ id, title }) =>
    MODEL_ROLES.flatMap((role) => {
      const metrics = report.metrics[role][id];
      return metrics ? [[title, ROLE_TITLES[role], ...cells(metrics)]] : [];
    }),
  );
  return table(['task', 'model', 'n', 'median', 'p90', 'missing', '≤ 6 mm', 'Dice'], rows);
}

/** Time, backend and memory of a run. */
export const costLine = (report: Report): string =>
  `${clock(report.wallSeconds)} on ${report.backend}, peak memory ${report.peakRssMB.toFixed(0)} MB (${report.peakRssOf}).`;

const cells = (metrics: Metrics): readonly string[] =>
  metrics.kind === 'landmarks'
    ? [
        String(metrics.n),
        millimetres(metrics.median),
        millimetres(metrics.p90),
        String(metrics.missing),
        percent(metrics.within6mm),
        '',
      ]
    : [String(metrics.n), '', '', '', '', fixed(metrics.dice, 2)];
