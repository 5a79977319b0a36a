import { percent } from '../format.ts';
import { html } from '../markup.ts';
import { linearScale, roundDomain, ticks } from '../scale.ts';
import { FEDERATED_ROWS, MODELS, type Row } from './compared-models.ts';
import { clustersOf, landmarkShare } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { COLOURS, drawing, legend, rowEntries } from './svg.ts';

/** Models of the drawing of losses, with the colours that they have in the other drawings, and what their losses contain. */
const LEARNT = [
  { name: MODELS.federatedSwin, colour: COLOURS[1], of: 'labels' },
  { name: MODELS.distilledUnet, colour: COLOURS[2], of: 'labels and pseudo-labels' },
  { name: MODELS.distilledSwin, colour: COLOURS[3], of: 'labels and pseudo-labels' },
  { name: MODELS.softSwin, colour: COLOURS[4], of: "labels, pseudo-labels and the teachers' probabilities" },
] as const;

/**
 * Mean loss after every round of the multi-head networks, one line per seed, as an SVG file. Each model has a panel and an axis
 * of its own: losses of other targets cannot be compared.
 */
export function lossDrawing(results: readonly SeedResult[]): string {
  const panels = LEARNT.flatMap((model) => {
    const lines = results.flatMap(({ seed, stages }) => {
      const losses = stages.find(({ name }) => name === model.name)?.losses ?? [];
      return losses.length > 0 ? [{ seed, losses }] : [];
    });
    return lines.length > 0 ? [{ ...model, lines }] : [];
  });
  const [width, side, gap, top, bottom] = [380, 290, 390, 44, 200];
  return drawing(
    width * 2,
    2 * (bottom + 60),
    'Mean loss after every round, by model and seed',
    html`${panels.map(({ name, colour, of, lines }, index) => {
      const [left, down] = [48 + (index % 2) * gap, Math.floor(index / 2) * (bottom + 60)];
      const all = lines.flatMap(({ losses }) => losses);
      const rounds = Math.max(...lines.map(({ losses }) => losses.length));
      const x = linearScale([1, Math.max(2, rounds)], [left + 8, left + side]);
      const y = linearScale(roundDomain(Math.min(...all), Math.max(...all), 4), [down + bottom, down + top]);
      return html`<text x="${left}" y="${down + 16}">${name}</text><text x="${left}" y="${down + 32}" opacity="0.7">loss on ${of}</text>
${ticks(y.domain, 4).map((value) => html`<line class="grid" x1="${left}" x2="${left + side}" y1="${y(value)}" y2="${y(value)}"/><text class="end" x="${left - 6}" y="${y(value) + 4}">${String(value)}</text>`)}
${Array.from({ length: rounds }, (_, i) => html`<text class="middle" x="${x(i + 1)}" y="${down + bottom + 18}">${i + 1}</text>`)}
<text class="middle" x="${left + side / 2}" y="${down + bottom + 36}">round</text>
${lines.map(({ seed, losses }) => html`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${losses.map((loss, i) => `${x(i + 1).toFixed(1)},${y(loss).toFixed(1)}`).join(' ')}"><title>${name}, seed ${seed}</title></polyline>`)}`;
    })}`,
  );
}

/** Share of all tasks' landmarks within 6 mm at every hospital, by model, seeds pooled. */
export function siteDrawing(results: readonly SeedResult[]): string {
  const sites = results[0]?.sites ?? [];
  const [width, left, step] = [860, 130, 30];
  const bottom = 16 + sites.length * step;
  const x = linearScale([0, 1], [left, width - 230]);
  const clusters = clustersOf(results);
  const shareAt = (row: Row, site: string) =>
    landmarkShare(
      clusters.filter((cluster) => cluster.site === site),
      row,
      'all',
    );
  const rows = FEDERATED_ROWS.filter((row) => sites.some(({ id }) => shareAt(row, id) !== null));
  return drawing(
    width,
    bottom + 40,
    'Share of landmarks within 6 mm by hospital and model',
    html`${ticks([0, 1], 5).map((value) => html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="10" y2="${bottom}"/><text class="middle" x="${x(value)}" y="${bottom + 18}">${percent(value)}</text>`)}
${sites.map(({ id, name }, index) => {
  const y = 16 + (index + 0.5) * step;
  return html`<text x="0" y="${y + 4}">${name}</text>${rows.map((row, at) => {
    const share = shareAt(row, id);
    return (
      share !== null &&
      html`<circle cx="${x(share)}" cy="${y + (at - 1.5) * 4}" r="5" fill="${COLOURS[at] as string}" fill-opacity="0.85"><title>${name}, ${row.title}: ${percent(share)}</title></circle>`
    );
  })}`;
})}
${legend(rowEntries(rows), width - 205)}`,
  );
}
