import { NONE, percent } from './format.ts';
import { html, type Markup } from './markup.ts';

export interface DumbbellRow {
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
}

/** Shares from 0 to 1 before and after a change, one row each, with their values. It fits any width. */
export const dumbbell = (
  rows: readonly DumbbellRow[],
  names: { readonly before: string; readonly after: string },
): Markup =>
  html`<table class="dumbbell"><thead><tr><th scope="col">Hospital</th><th scope="col" class="axis"><span>${percent(0)}</span><span>${percent(1)}</span></th><th scope="col" class="number">${names.before} → ${names.after}</th></tr></thead>
<tbody>${rows.map(({ name, before, after }) => html`<tr><th scope="row">${name}</th><td class="track" aria-hidden="true">${track(before, after)}</td><td class="number">${before === null && after === null ? 'not evaluated' : `${shareOf(before)} → ${shareOf(after)}`}</td></tr>`)}</tbody></table>`;

const shareOf = (share: number | null): string => (share === null ? NONE : percent(share));

function track(before: number | null, after: number | null): Markup {
  const at = (share: number) => `left: ${(100 * share).toFixed(1)}%`;
  const line = (from: number, to: number) =>
    html`<i class="${to >= from ? 'gain' : 'loss'}" style="${at(Math.min(from, to))}; width: ${(100 * Math.abs(to - from)).toFixed(1)}%"></i>`;
  return html`<div>${before !== null && after !== null && line(before, after)}${before !== null && html`<i class="dot hollow role-studentLabelsOnly" style="${at(before)}"></i>`}${after !== null && html`<i class="dot role-student" style="${at(after)}"></i>`}</div>`;
}
