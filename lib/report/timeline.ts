import { clock } from './format.ts';
import { html, type Markup } from './markup.ts';
import type { ReportedKind, TimelineEvent } from './report.ts';
import { linearScale, type Scale, ticks } from './scale.ts';

const WIDTH = 1000;
const LABELS = 104;
const ROW = 30;
const TOP = 8;

export interface Lane {
  readonly id: string;
  readonly name: string;
}

/** Kind of a stage, which gives its colour; `other` for a stage that the report does not list. */
export type KindOf = (stage: string) => ReportedKind | 'other';

/**
 * The events of a run: one lane per site, bars for GPU tasks, marks for uploads, intake, updates and commits. A
 * commit's line crosses all lanes, because every site's next round waits for it.
 */
export function timeline(events: readonly TimelineEvent[], lanes: readonly Lane[], kindOf: KindOf): Markup {
  const end = Math.max(1, ...events.map((event) => event.end ?? event.start));
  const x = linearScale([0, end], [LABELS, WIDTH - 14]);
  const bottom = TOP + lanes.length * ROW;
  return html`<svg class="chart timeline" viewBox="0 0 ${WIDTH} ${bottom + 26}" role="img" aria-label="Timeline of ${events.length} events over ${clock(end)}, one lane per site">
${lanes.map((_, index) => html`<rect class="${index % 2 === 0 ? 'lane' : 'lane odd'}" x="0" y="${TOP + index * ROW}" width="${WIDTH}" height="${ROW}"/>`)}
${ticks([0, end], 8).map((value) => html`<line class="grid" x1="${x(value)}" x2="${x(value)}" y1="${TOP}" y2="${bottom}"/><text class="tick middle" x="${x(value)}" y="${bottom + 16}">${clock(value)}</text>`)}
${events
  .filter(({ kind }) => kind === 'commit')
  .map(({ start }) => html`<line class="commit-line" x1="${x(start)}" x2="${x(start)}" y1="${TOP}" y2="${bottom}"/>`)}
${lanes.map(({ id, name }, index) => lane(name, ofLane(events, id), TOP + index * ROW, x, kindOf))}
</svg>`;
}

const ofLane = (events: readonly TimelineEvent[], lane: string) => events.filter((event) => event.lane === lane);

function lane(name: string, events: readonly TimelineEvent[], top: number, x: Scale, kindOf: KindOf): Markup {
  const middle = top + ROW / 2;
  const bars = packRows(events.filter(({ kind }) => kind === 'task'));
  const rows = Math.max(1, ...bars.map(({ row }) => row + 1));
  const height = (ROW - 12) / rows;
  return html`<text class="lane-name" x="8" y="${middle + 4}">${name}</text>
${bars.map(({ event, row }) => {
  const width = Math.max(1.5, x(event.end ?? event.start) - x(event.start));
  return html`<rect class="bar kind-${kindOf(event.stage ?? '')}" x="${x(event.start)}" y="${top + 6 + row * height}" width="${width}" height="${Math.max(2, height - 1)}" rx="2"><title>${event.label}, ${clock(event.start)}–${clock(event.end ?? event.start)}</title></rect>`;
})}
${events.filter(({ kind }) => kind !== 'task').map((event) => mark(event, x(event.start), top, kindOf))}`;
}

function mark(event: TimelineEvent, x: number, top: number, kindOf: KindOf): Markup {
  const middle = top + ROW / 2;
  const title = html`<title>${event.label}, ${clock(event.start)}</title>`;
  switch (event.kind) {
    case 'commit':
      return html`<path class="mark kind-${kindOf(event.stage ?? '')}" d="M${x},${middle - 7}l6,7l-6,7l-6,-7z">${title}</path>`;
    case 'update':
      return html`<circle class="mark kind-${kindOf(event.stage ?? '')}" cx="${x}" cy="${middle}" r="4">${title}</circle>`;
    case 'failure':
      return html`<path class="cross-mark" d="M${x - 4},${middle - 4}l8,8m0,-8l-8,8">${title}</path>`;
    case 'rejected':
      return html`<path class="mark rejected" d="M${x},${middle - 8}l6,11h-12z">${title}</path>`;
    case 'upload':
      return html`<line class="tick-mark upload" x1="${x}" x2="${x}" y1="${top + 4}" y2="${middle - 1}">${title}</line>`;
    case 'intake':
    case 'task':
      return html`<line class="tick-mark intake" x1="${x}" x2="${x}" y1="${middle + 1}" y2="${top + ROW - 4}">${title}</line>`;
  }
}

/** Puts bars that overlap in time into separate rows: each into the first free row. */
export function packRows(events: readonly TimelineEvent[]): readonly { event: TimelineEvent; row: number }[] {
  const ends: number[] = [];
  return [...events]
    .sort((a, b) => a.start - b.start)
    .map((event) => {
      const free = ends.findIndex((end) => end <= event.start);
      const row = free === -1 ? ends.length : free;
      ends[row] = event.end ?? event.start;
      return { event, row };
    });
}
