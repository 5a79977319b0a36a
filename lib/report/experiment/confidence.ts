import { type DefaultTaskId, PAPER_TASKS, TASKS } from '../../federation/tasks.ts';
import { type Calibration, calibrationError, pooledCalibration } from '../../scoring/calibration.ts';
import { fixed, percent } from '../format.ts';
import { html } from '../markup.ts';
import { linearScale, ticks } from '../scale.ts';
import { FEDERATED_ROWS, PAPER_ROWS, type Row } from './compared-models.ts';
import { clustersOf, scoresOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { COLOURS, drawing, legend, rowEntries } from './svg.ts';
import { markdownTable } from './tables.ts';

/** The calibration of a row's models for a task at all sites; undefined if none was sent. */
function calibrationOf(results: readonly SeedResult[], row: Row, task: DefaultTaskId): Calibration | undefined {
  const sent = scoresOf(clustersOf(results), row, task, 'all').flatMap(({ calibration }) =>
    calibration ? [calibration] : [],
  );
  return sent.length === 0 ? undefined : pooledCalibration(sent);
}

/** Mean confidence, share of correct predictions and expected calibration error of each model and task. */
export function calibrationTable(results: readonly SeedResult[]): string {
  const rows = PAPER_ROWS.flatMap((row) =>
    PAPER_TASKS.flatMap((task) => {
      const bins = calibrationOf(results, row, task);
      if (!bins) return [];
      const total = (of: 'count' | 'confidence' | 'correct') => bins.reduce((sum, bin) => sum + bin[of], 0);
      const n = total('count');
      const share = (value: number) => (n === 0 ? null : value / n);
      return [
        [
          row.title,
          TASKS[task].title,
          String(n),
          percent(share(total('confidence'))),
          percent(share(total('correct'))),
          fixed(calibrationError(bins), 3),
        ],
      ];
    }),
  );
  const head = ['model', 'task', 'points or voxels', 'mean confidence', 'correct', 'expected calibration error'];
  return rows.length === 0 ? 'No confidences were sent.' : markdownTable(head, rows);
}

/** Share of correct predictions against mean confidence, one panel for each task and one line for each model. */
export function calibrationDrawing(results: readonly SeedResult[]): string {
  const [side, gap, top] = [220, 50, 30];
  const panels = PAPER_TASKS.map((task) =>
    FEDERATED_ROWS.map((row) =>
      (calibrationOf(results, row, task) ?? []).flatMap(({ count, confidence, correct }) =>
        count === 0 ? [] : [{ confidence: confidence / count, share: correct / count, count }],
      ),
    ),
  );
  return drawing(
    panels.length * (side + gap) + 230,
    side + top + 46,
    'Share of correct predictions by confidence',
    html`${panels.map((lines, index) => {
      const left = 40 + index * (side + gap);
      const x = linearScale([0, 1], [left, left + side]);
      const y = linearScale([0, 1], [top + side, top]);
      return html`<text x="${left}" y="16">${TASKS[PAPER_TASKS[index] as DefaultTaskId].title}</text>
${ticks([0, 1], 4).map((value) => html`<line class="grid" x1="${x(0)}" x2="${x(1)}" y1="${y(value)}" y2="${y(value)}"/><text class="end" x="${left - 4}" y="${y(value) + 4}">${percent(value)}</text><text class="middle" x="${x(value)}" y="${top + side + 18}">${percent(value)}</text>`)}
<line class="grid" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke-dasharray="4 3"/>
${lines.map((points, at) => html`<polyline fill="none" stroke="${COLOURS[at] as string}" stroke-width="1.5" points="${points.map(({ confidence, share }) => `${x(confidence).toFixed(1)},${y(share).toFixed(1)}`).join(' ')}"/>${points.map(({ confidence, share, count }) => html`<circle cx="${x(confidence).toFixed(1)}" cy="${y(share).toFixed(1)}" r="3" fill="${COLOURS[at] as string}"><title>${count} predictions</title></circle>`)}`)}`;
    })}
<text class="middle" x="${40 + side / 2}" y="${top + side + 40}">mean confidence</text>
${legend(rowEntries(FEDERATED_ROWS), panels.length * (side + gap) + 40)}`,
  );
}
