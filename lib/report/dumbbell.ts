import { percent } from './format.ts';
import { html, type Markup } from './markup.ts';
import { linearScale, ticks } from './scale.ts';

const WIDTH = 640;
const LABELS = 190;
const ROW = 26;

export interface DumbbellRow {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** Shares from 0 to 1 before and after a change, one row each. */
export function dumbbell(
  rows: readonly DumbbellRow[],
  names: { readonly title: string; readonly before: string; readonly after: string },
): Markup {
  const x = linearScale([0, 1], [LABELS, WIDTH - 20]);
  const bottom = rows.length * ROW + 4;
  const label = `${names.title}: ${rows.map((row) => `${row.name} ${percent(row.before)} to ${percent(row.after)}`).join(', ')}`;
  return html`<svg class="chart dumbbell" viewBox="0 0 ${WIDTH} ${bottom + 24}" role="img" aria-label="${label}">
${ticks([0, 1], 5).map((value) => html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="4" y2="${bottom}"/><text class="tick middle" x="${x(value)}" y="${bottom + 16}">${percent(value)}</text>`)}
${rows.map((row, index) => {
  const y = 4 + index * ROW + ROW / 2;
  return html`<text class="lane-name" x="0" y="${y + 4}">${row.name}</text>${
    row.before !== null &&
    row.after !== null &&
    html`<line class="${row.after >= row.before ? 'gain' : 'loss'}" x1="${x(row.before)}" x2="${x(row.after)}" y1="${y}" y2="${y}"/>`
  }${row.before === null && row.after === null && html`<text class="tick" x="${x(0) + 8}" y="${y + 4}">not evaluated</text>`}${row.before !== null && html`<circle class="dot hollow role-studentLabelsOnly" cx="${x(row.before)}" cy="${y}" r="6"><title>${row.name}, ${names.before}: ${percent(row.before)}</title></circle>`}${row.after !== null && html`<circle class="dot role-student" cx="${x(row.after)}" cy="${y}" r="5.5"><title>${row.name}, ${names.after}: ${percent(row.after)}</title></circle>`}`;
})}
</svg>`;
}
