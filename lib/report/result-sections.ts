import { WITHIN_MM } from '../federation/tasks.ts';
import { own } from '../own.ts';
import type { LandmarkMetrics, Metrics, MetricsByTask, PointMetrics } from '../scoring/metrics.ts';
import { type DumbbellRow, dumbbell } from './dumbbell.ts';
import { fixed, millimetres, NONE, percent } from './format.ts';
import { html, type Markup } from './markup.ts';
import { MODEL_ROLES, type ModelRole, type Report } from './report.ts';
import { ROLE_TITLES } from './titles.ts';

/** The outcome of the run for distillation, in one sentence. */
export function verdict(report: Pick<Report, 'status' | 'reason' | 'landmarks'>): string {
  if (report.status === 'failed') return `The campaign failed: ${report.reason ?? 'no reason was recorded'}`;
  const student = report.landmarks.student?.within6mm;
  const control = report.landmarks.studentLabelsOnly?.within6mm;
  if (student === undefined || student === null || control === undefined || control === null)
    return 'There are no held-out landmarks of both students to compare.';
  const [from, to] = [percent(control), percent(student)];
  if (student > control) {
    return `Distillation helped: the share of landmarks found within ${WITHIN_MM} mm rose from ${from} on labels alone to ${to}.`;
  }
  return student < control
    ? `Distillation did not help in this run: ${to} of the landmarks were found within ${WITHIN_MM} mm, ${from} on labels alone.`
    : `Distillation made no difference in this run: ${to} of the landmarks were found within ${WITHIN_MM} mm either way.`;
}

/** The limits of the figures. */
export const caveat = ({ profile }: Pick<Report, 'profile'>): string =>
  profile === 'quick'
    ? 'The quick profile trains for a handful of steps: it shows that everything runs, not what can be learnt.'
    : 'One seed and few cases: read differences with care. Trained on phantoms in minutes, for demonstration; not a medical device.';

/** The pooled landmark figures of the three models, largest on the page. */
export function headline(report: Report): Markup {
  const card = (role: ModelRole, metrics: LandmarkMetrics | undefined) => html`<div class="card role-${role}">
<div class="big">${percent(metrics?.within6mm)}</div><div class="card-title">${ROLE_TITLES[role]}</div>
<div class="muted">${metrics ? `${metrics.n} points, ${metrics.missing} missing, median error ${millimetres(metrics.median)}` : 'not evaluated'}</div></div>`;
  return html`<section aria-labelledby="result"><h2 id="result">Did distillation help?</h2><p class="lead">${verdict(report)}</p>
<p class="muted">Landmarks of unseen cases found within ${WITHIN_MM} mm, all landmark tasks together, all sites. A point that was not found counts as not within ${WITHIN_MM} mm.</p>
<div class="cards">${MODEL_ROLES.map((role) => card(role, report.landmarks[role]))}</div></section>`;
}

const COLUMNS = [
  'n',
  `≤\u00a0${WITHIN_MM}\u00a0mm`,
  'missing',
  'median',
  'p90',
  'Dice',
  'HD95',
  'true mm³',
  'predicted mm³',
];

/** Teacher, student and control side by side, one block of rows per task. */
export function comparison(report: Report): Markup {
  const tasks = report.tasks.filter(({ id }) => MODEL_ROLES.some((role) => report.metrics[role][id]));
  return html`<section aria-labelledby="tasks"><h2 id="tasks">Task by task</h2><div class="scroll"><table class="comparison">
<thead><tr><th scope="col">Model</th>${COLUMNS.map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
${tasks.map(({ id, title }) => html`<tbody><tr class="group"><th scope="rowgroup" colspan="10">${title}</th></tr>${MODEL_ROLES.map((role) => metricsRow(role, report.metrics[role][id]))}</tbody>`)}
</table></div><p class="muted">Errors in mm over the points that were found; missing points are counted separately and never dropped. Dice is the median over cases in which truth or prediction has the structure. HD95 is the median 95 % Hausdorff distance over cases in which both have it. Volumes are medians. n counts points or cases.</p>${pointByPoint(report)}</section>`;
}

/** Metrics per point: the pooled figures hide a point that is always missing. */
function pointByPoint({ metrics, tasks }: Report): Markup {
  const rows = tasks
    .flatMap(({ id, classes }) => classes.map((name) => ({ task: id, name })))
    .flatMap((of) => {
      const figures = MODEL_ROLES.map((role) => {
        const found = metrics[role][of.task];
        return found?.kind === 'landmarks' ? found.byPoint?.[of.name] : undefined;
      });
      return figures.some((one) => one && one.n > 0) ? [{ name: of.name, figures }] : [];
    });
  if (rows.length === 0) return html``;
  const cell = (of: PointMetrics | undefined) =>
    of ? `${millimetres(of.median)}, ${of.missing} of ${of.n} missing` : NONE;
  return html`<details><summary>Point by point</summary><div class="scroll"><table>
<thead><tr><th scope="col">Point</th>${MODEL_ROLES.map((role) => html`<th scope="col">${ROLE_TITLES[role]}</th>`)}</tr></thead>
<tbody>${rows.map(({ name, figures }) => html`<tr><th scope="row">${name}</th>${figures.map((of) => html`<td>${cell(of)}</td>`)}</tr>`)}</tbody>
</table></div></details>`;
}

function metricsRow(role: ModelRole, metrics: Metrics | undefined): Markup {
  const cells =
    metrics === undefined
      ? COLUMNS.map(() => NONE)
      : metrics.kind === 'landmarks'
        ? [
            metrics.n,
            percent(metrics.within6mm),
            metrics.missing,
            millimetres(metrics.median),
            millimetres(metrics.p90),
            ...['', '', '', ''],
          ]
        : [
            metrics.n,
            ...['', '', '', ''],
            fixed(metrics.dice, 2),
            millimetres(metrics.hausdorff95),
            fixed(metrics.volume?.truth, 0),
            fixed(metrics.volume?.prediction, 0),
          ];
  return html`<tr><th scope="row"><span class="key role-${role}"></span>${ROLE_TITLES[role]}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
}

/** The students' difference at each hospital. Distillation must prove itself at hospitals with few or no labels. */
export function comparisonBySite(report: Report): Markup {
  const landmarkTasks = report.tasks.filter(({ kind }) => kind === 'landmarks');
  const rows = report.sites.map(({ id, name, labelled }): DumbbellRow => {
    const share = (role: ModelRole) => pooledShare(own(report.bySite, id)?.[role] ?? {});
    const labels = landmarkTasks.reduce((sum, task) => sum + (labelled[task.id] ?? 0), 0);
    return {
      name: labels === 0 ? `${name} (no landmark labels)` : name,
      before: share('studentLabelsOnly'),
      after: share('student'),
    };
  });
  if (rows.every(({ before, after }) => before === null && after === null)) return html``;
  return html`<section aria-labelledby="by-site"><h2 id="by-site">Site by site</h2>
<p class="muted">Share of landmarks within ${WITHIN_MM} mm on each hospital's own held-out cases: <span class="key role-studentLabelsOnly"></span>labels alone → <span class="key role-student"></span>distilled.</p>
<div class="scroll">${dumbbell(rows, { title: `Landmarks within ${WITHIN_MM} mm`, before: 'labels alone', after: 'distilled' })}</div></section>`;
}

/** Share within 6 mm over all landmark tasks of one site. Every point counts once. */
export function pooledShare(metrics: MetricsByTask): number | null {
  const landmarks = Object.values(metrics).filter((of): of is LandmarkMetrics => of?.kind === 'landmarks');
  const points = landmarks.reduce((sum, { n }) => sum + n, 0);
  return points === 0 ? null : landmarks.reduce((sum, { n, within6mm }) => sum + n * (within6mm ?? 0), 0) / points;
}
