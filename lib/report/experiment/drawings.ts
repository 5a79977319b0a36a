import { percent } from '../format.ts';
import { html } from '../markup.ts';
import { linearScale, roundDomain, ticks } from '../scale.ts';
import { FEDERATED_ROWS, MODELS, type Row } from './compared-models.ts';
import { clustersOf, landmarkShare } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { COLOURS, drawing, legend } from './svg.ts';

/** Mean loss after every round of the multi-head networks, one line per seed, as an SVG file. */
export function lossDrawing(results: readonly SeedResult[]): string {
  const names = [MODELS.federatedSwin, MODELS.distilledUnet, MODELS.distilledSwin, MODELS.softSwin];
  const lines = names.flatMap((name, index) =>
    results.flatMap(({ seed, stages }) => {
      const losses = stages.find((stage) => stage.name === name)?.losses ?? [];
      return losses.length > 0 ? [{ name, seed, losses, colour: COLOURS[index] as string }] : [];
    }),
  );
  const all = lines.flatMap(({ losses }) => losses);
  const [width, height, left, bottom] = [680, 320, 48, 280];
  const y = linearScale(roundDomain(Math.min(...all), Math.max(...all), 5), [bottom, 16]);
  const rounds = Math.max(...lines.map(({ losses }) => losses.length));
  const x = linearScale([1, Math.max(2, rounds)], [left + 16, width - 190]);
  return drawing(
    width,
    height,
    'Mean loss after every round, by model and seed',
    html`${ticks(y.domain, 5).map((value) => html`<line class="grid" x1="${left}" x2="${width - 180}" y1="${y(value)}" y2="${y(value)}"/><text class="end" x="${left - 6}" y="${y(value) + 4}">${String(value)}</text>`)}
${Array.from({ length: rounds }, (_, i) => html`<text class="middle" x="${x(i + 1)}" y="${bottom + 18}">${i + 1}</text>`)}
<text class="middle" x="${(left + width - 190) / 2}" y="${height - 6}">round</text>
${lines.map(({ name, seed, losses, colour }) => html`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${losses.map((loss, i) => `${x(i + 1).toFixed(1)},${y(loss).toFixed(1)}`).join(' ')}"><title>${name}, seed ${seed}</title></polyline>`)}
${legend(names, width - 165)}`,
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
${legend(
  rows.map(({ title }) => title.replaceAll('*', '')),
  width - 205,
)}`,
  );
}
