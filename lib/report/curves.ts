import { significant } from './format.ts';
import { html, type Markup } from './markup.ts';
import type { StageReport } from './report.ts';
import { linearScale, roundDomain, ticks } from './scale.ts';

const WIDTH = 320;
const HEIGHT = 190;
const FRAME = { left: 46, right: 12, top: 12, bottom: 30 };

/**
 * Loss over the rounds of a stage: a thin line for each site, a thick one for their sample-weighted mean. Undefined for
 * stages without a loss.
 */
export function learningCurve(stage: StageReport, siteName: (site: string) => string): Markup | undefined {
  const merged = stage.commits.flatMap(({ round, figures }) =>
    figures.loss === undefined ? [] : [{ round, loss: figures.loss }],
  );
  const sites = new Map<string, { round: number; loss: number }[]>();
  for (const { round, updates } of stage.commits) {
    for (const { site, figures } of updates) {
      if (figures.loss !== undefined) sites.set(site, [...(sites.get(site) ?? []), { round, loss: figures.loss }]);
    }
  }
  const last = merged.at(-1);
  if (!last) return undefined;

  // Dice + cross-entropy can be negative, down to minus one per head.
  const losses = [merged, ...sites.values()].flatMap((points) => points.map(({ loss }) => loss));
  const domain = roundDomain(Math.min(...losses), Math.max(...losses), 4);
  const y = linearScale(domain, [HEIGHT - FRAME.bottom, FRAME.top]);
  const rounds = merged.map(({ round }) => round);
  const x = linearScale([Math.min(...rounds), Math.max(...rounds)], [FRAME.left + 14, WIDTH - FRAME.right - 14]);
  const line = (points: readonly { round: number; loss: number }[]) =>
    points.map(({ round, loss }) => `${x(round).toFixed(1)},${y(loss).toFixed(1)}`).join(' ');

  const label = `${stage.name}: mean loss ${merged.map(({ round, loss }) => `${significant(loss)} after round ${round}`).join(', ')}`;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${ticks(y.domain, 4).map((value) => html`<line class="grid" x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${y(value)}" y2="${y(value)}"/><text class="tick end" x="${FRAME.left - 6}" y="${y(value) + 3.5}">${String(value)}</text>`)}
${rounds.map((round) => html`<text class="tick middle" x="${x(round)}" y="${HEIGHT - FRAME.bottom + 15}">${round}</text>`)}
<text class="tick middle" x="${(FRAME.left + WIDTH) / 2}" y="${HEIGHT - 3}">round</text>
${[...sites].map(([site, points]) => html`<g class="thin"><title>${siteName(site)}: ${points.map(({ loss }) => significant(loss)).join(' → ')}</title><polyline points="${line(points)}"/>${points.map(({ round, loss }) => html`<circle cx="${x(round)}" cy="${y(loss)}" r="2"/>`)}</g>`)}
<g class="thick kind-${stage.kind}"><title>mean: ${merged.map(({ loss }) => significant(loss)).join(' → ')}</title><polyline points="${line(merged)}"/>${merged.map(({ round, loss }) => html`<circle cx="${x(round)}" cy="${y(loss)}" r="3.5"/>`)}</g>
<text class="value end" x="${x(last.round) + 8}" y="${y(last.loss) - 9}">${significant(last.loss)}</text>
</svg>`;
}
