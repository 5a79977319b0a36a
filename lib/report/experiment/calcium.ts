import { agreementOf } from '../../scoring/agreement.ts';
import { mean, median } from '../../scoring/quantile.ts';
import { fixed, NONE } from '../format.ts';
import { html } from '../markup.ts';
import { linearScale, roundDomain, ticks } from '../scale.ts';
import { PAPER_ROWS, type Row } from './compared-models.ts';
import { clustersOf, type Score, scoresOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { COLOURS, drawing } from './svg.ts';
import { markdownTable } from './tables.ts';

const CALCIUM = 'calcification';

/** Rows with volumes, and their scores at all sites. */
const measured = (
  results: readonly SeedResult[],
): readonly { readonly row: Row; readonly scores: readonly Score[] }[] =>
  PAPER_ROWS.map((row) => ({ row, scores: scoresOf(clustersOf(results), row, CALCIUM, 'all') })).filter(({ scores }) =>
    scores.some(({ volumeErrors = [] }) => volumeErrors.length > 0),
  );

/** Agreement of volumes by Bland and Altman, and what is marked where there is no calcium; all sites and seeds pooled. */
export function calciumTable(results: readonly SeedResult[]): string {
  const rows = measured(results).map(({ row, scores }) => {
    const agreement = agreementOf(scores);
    const dice = scores.flatMap((score) => score.dice ?? []).filter((value) => value !== null);
    const missed = scores.reduce((sum, { withoutAnnulus = 0 }) => sum + withoutAnnulus, 0);
    return [
      row.title,
      String(agreement?.cases ?? 0),
      `${fixed(median(dice), 2)} / ${fixed(mean(dice), 2)}`,
      fixed(agreement?.ratio, 2),
      `${fixed(agreement?.bias, 0)} (${fixed(agreement?.low, 0)} to ${fixed(agreement?.high, 0)})`,
      fixed(agreement?.slope, 2),
      falseText(scores.flatMap(({ falseVolumes = [] }) => falseVolumes)),
      missed === 0 ? '' : String(missed),
    ];
  });
  const head = [
    'model',
    'cases',
    'Dice: median / mean',
    'total volume, predicted / true',
    'bias, mm³ (limits of agreement)',
    'error per true mm³',
    'false calcium: cases, mean, most in mm³',
    'without annulus',
  ];
  return rows.length === 0 ? 'No volumes were sent.' : markdownTable(head, rows);
}

/** Of the calcium-free cases, how many have calcium marked, its mean over all of them and the most in one. */
const falseText = (volumes: readonly number[]): string =>
  volumes.length === 0
    ? NONE
    : `${volumes.filter((volume) => volume > 0).length} of ${volumes.length}, ${fixed(mean(volumes), 1)}, ${fixed(Math.max(...volumes), 1)}`;

/** Errors of calcium volume case by case, with bias and limits of agreement: one column for each model, as an SVG file. */
export function agreementDrawing(results: readonly SeedResult[]): string {
  const columns = measured(results).flatMap(({ row, scores }) => {
    const agreement = agreementOf(scores);
    return agreement ? [{ row, agreement, errors: scores.flatMap(({ volumeErrors = [] }) => volumeErrors) }] : [];
  });
  const all = columns.flatMap(({ errors, agreement }) => [...errors, agreement.low, agreement.high, 0]);
  const [left, step, bottom] = [70, 90, 320];
  const width = left + Math.max(1, columns.length) * step + 10;
  const y = linearScale(roundDomain(Math.min(0, ...all), Math.max(1, ...all), 6), [bottom, 16]);
  return drawing(
    width,
    bottom + 24 + columns.length * 16,
    'Error of calcium volume, predicted minus true, by model',
    html`${ticks(y.domain, 6).map((value) => html`<line class="grid" x1="${left}" x2="${width - 10}" y1="${y(value)}" y2="${y(value)}"/><text class="end" x="${left - 6}" y="${y(value) + 4}">${String(value)}</text>`)}
<text x="0" y="12">mm³</text>
${columns.map(({ row, agreement, errors }, index) => {
  const [x, title] = [left + (index + 0.5) * step, row.title.replaceAll('*', '')];
  const line = (value: number, dash: string) =>
    html`<line x1="${x - 32}" x2="${x + 32}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="${COLOURS[3]}" stroke-width="2" stroke-dasharray="${dash}"/>`;
  // Sorted errors, side by side, so that equal ones do not hide each other.
  const shift = (at: number) => ((at % 9) - 4) * 4;
  return html`${errors.map((error, at) => html`<circle cx="${x + shift(at)}" cy="${y(error).toFixed(1)}" r="2.5" fill="${COLOURS[2]}" fill-opacity="0.5"/>`)}${line(agreement.bias, '')}${line(agreement.low, '4 3')}${line(agreement.high, '4 3')}<text class="middle" x="${x}" y="${bottom + 18}">${index + 1}</text><text x="${left}" y="${bottom + 38 + index * 16}">${index + 1}: ${title}, bias ${fixed(agreement.bias, 0)} mm³</text>`;
})}`,
  );
}
