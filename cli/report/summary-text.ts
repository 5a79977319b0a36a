import { groupBy } from '../../lib/group-by.ts';
import { own } from '../../lib/own.ts';
import { printable } from '../../lib/printable.ts';
import { comparedModels } from '../../lib/report/compared.ts';
import { coverageText, coveredRounds, roundsText } from '../../lib/report/coverage.ts';
import { clock, fixed, millimetres, percent } from '../../lib/report/format.ts';
import { privacyLines } from '../../lib/report/privacy-text.ts';
import type { Coverage, Report, StageReport } from '../../lib/report/report.ts';
import { caveat, isSmokeTest, verdict } from '../../lib/report/verdict.ts';
import { exclusionReason } from '../../lib/report/without-data.ts';
import type { Metrics } from '../../lib/scoring/metrics.ts';
import { table } from '../table.ts';

/** The result of a campaign: verdict, figures, missing sites, rejected files, time and memory. */
export function summaryText(report: Report): string {
  const scores = isSmokeTest(report) ? [] : scoreTable(report);
  const missing = report.stages.flatMap(missingLines);
  const ended = report.status === 'completed' ? [] : [`The campaign is ${report.status} (${report.createdAt}).`];
  return [
    printable(verdict(report)),
    caveat(report),
    ...privacyLines(report),
    ...ended,
    '',
    ...(scores.length > 0 ? [...scores, ''] : []),
    ...missing,
    ...(missing.length > 0 ? [''] : []),
    ...report.rejected.map(({ site, key, reason }) => printable(`rejected  ${site}/${key}: ${reason}`)),
    ...(report.rejected.length > 0 ? [''] : []),
    costLine(report),
  ].join('\n');
}

/** Scores by task and model; empty without any. `volume`: all predicted over all true. */
export function scoreTable(report: Report): readonly string[] {
  const rows = report.tasks.flatMap(({ id, title }) =>
    comparedModels(report).flatMap(({ title: model, metrics }) => {
      const found = own(metrics, id);
      return found ? [[title, model, ...cells(found)]] : [];
    }),
  );
  return rows.length === 0
    ? []
    : table(['task', 'model', 'n', 'median', 'p90', 'missing', '≤ 6 mm', 'Dice', 'volume'], rows);
}

/** Time, backend and memory of a run. */
export const costLine = (report: Report): string =>
  `${clock(report.wallSeconds)} on ${report.backend}, peak memory ${report.peakRssMB.toFixed(0)} MB (${report.peakRssOf}).`;

/** Rounds that lack sites, with the reasons. A site without the data that a stage needs is named as well. */
const missingLines = (stage: StageReport): readonly string[] =>
  coveredRounds(stage)
    .filter(({ coverage }) => coverage.excluded.length > 0)
    .flatMap((covered) => [
      printable(`${stage.name} ${roundsText(covered)}: ${coverageText(covered.coverage)}`),
      ...groupExclusions(covered.coverage).map((line) => `  ${printable(line)}`),
    ]);

/** Sites with the same reason on one line: most of them only lack the labels. */
function groupExclusions({ excluded }: Coverage): readonly string[] {
  const groups = groupBy(excluded, (one) => `${one.why}: ${exclusionReason(one)}`);
  return [...groups].map(([why, of]) => `${of.map(({ site }) => site).join(', ')}: ${why}`);
}

const cells = (metrics: Metrics): readonly string[] =>
  metrics.kind === 'landmarks'
    ? [
        String(metrics.n),
        millimetres(metrics.median),
        millimetres(metrics.p90),
        String(metrics.missing),
        percent(metrics.within6mm),
        ...['', ''],
      ]
    : [String(metrics.n), ...['', '', '', ''], fixed(metrics.dice, 2), ratio(metrics.volumeRatio)];

const ratio = (value: number | undefined): string => (value === undefined ? '' : `${fixed(value, 2)}×`);
