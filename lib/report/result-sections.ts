import { WITHIN_MM } from '../federation/tasks.ts';
import { own } from '../own.ts';
import type { LandmarkMetrics, Metrics, MetricsByTask, PointMetrics } from '../scoring/metrics.ts';
import { type Compared, comparedModels, hasBothStudents } from './compared.ts';
import { type DumbbellRow, dumbbell } from './dumbbell.ts';
import { counted, fixed, millimetres, NONE, percent } from './format.ts';
import { html, type Markup } from './markup.ts';
import { MODEL_ROLES, type ModelRole, type Report } from './report.ts';
import { ROLE_TITLES } from './titles.ts';
import { isSmokeTest, smokeTestCounts, verdict } from './verdict.ts';

/** The pooled landmark figures of the compared models, largest on the page; of a smoke test, what ran. */
export function headline(report: Report): Markup {
  if (isSmokeTest(report) && report.status === 'completed') return smokeTestHeadline(report);
  const title = hasBothStudents(report) ? 'Did distillation help?' : 'Results';
  const models = hasBothStudents(report)
    ? MODEL_ROLES.map((role) => ({
        title: ROLE_TITLES[role],
        role,
        landmarks: report.landmarks[role],
        metrics: report.metrics[role],
      }))
    : comparedModels(report).flatMap((of) => {
        const landmarks = pooled(of.metrics);
        return landmarks ? [{ ...of, landmarks }] : [];
      });
  const evaluated = models.filter(
    ({ landmarks, metrics }) => (landmarks?.n ?? 0) > 0 || Object.keys(metrics).length > 0,
  );
  const explanation = html`<p class="muted">Landmarks of unseen cases found within ${WITHIN_MM} mm, all landmark tasks together, all sites. A point that was not found counts as not within ${WITHIN_MM} mm.</p>`;
  return html`<section aria-labelledby="result"><h2 id="result">${title}</h2><p class="lead">${verdict(report)}</p>
${evaluated.length > 0 && html`${explanation}<div class="cards">${models.map((of) => card(of, report.tasks))}</div>`}</section>`;
}

interface Pooled {
  readonly n: number;
  readonly missing: number;
  readonly within6mm: number | null;
  /** Absent where it cannot be computed from the tasks' medians. */
  readonly median?: number | null;
}

const card = (
  of: {
    readonly title: string;
    readonly role: ModelRole | undefined;
    readonly landmarks: Pooled | undefined;
    readonly metrics: MetricsByTask;
  },
  tasks: Report['tasks'],
) =>
  html`<div class="card role-${of.role ?? 'other'}">
<div class="big">${percent(of.landmarks?.within6mm)}</div><div class="card-title">${of.title}</div>
<div class="muted">${of.landmarks ? `${of.landmarks.n} points, ${of.landmarks.missing} missing${of.landmarks.median === undefined ? '' : `, median error ${millimetres(of.landmarks.median)}`}` : 'not evaluated'}</div>${tasks.map(({ id, title }) => maskLine(title, own(of.metrics, id)))}</div>`;

/** A segmentation's Dice and volume: the share of landmarks hides what became of it. */
function maskLine(title: string, metrics: Metrics | undefined): Markup | undefined {
  if (metrics?.kind !== 'segmentation') return undefined;
  const { dice, volumeRatio } = metrics;
  const volume = volumeRatio === undefined ? '' : `, ${fixed(volumeRatio, 2)} times the true volume`;
  return html`<div class="muted">${title}: Dice ${fixed(dice, 2)}${volume}</div>`;
}

/** All landmark tasks of a model together; undefined without any. */
function pooled(metrics: MetricsByTask): Pooled | undefined {
  const tasks = Object.values(metrics).filter((of): of is LandmarkMetrics => of?.kind === 'landmarks');
  if (tasks.length === 0) return undefined;
  const sum = (of: (task: LandmarkMetrics) => number) => tasks.reduce((total, task) => total + of(task), 0);
  return { n: sum(({ n }) => n), missing: sum(({ missing }) => missing), within6mm: pooledShare(metrics) };
}

function smokeTestHeadline(report: Report): Markup {
  const { sites, rounds, rejected } = smokeTestCounts(report);
  const card = (big: string, title: string) =>
    html`<div class="card"><div class="big">${big.split(' ')[0] ?? ''}</div><div class="card-title">${big.split(' ').slice(1).join(' ')}</div><div class="muted">${title}</div></div>`;
  return html`<section aria-labelledby="result"><h2 id="result">Every step ran</h2><p class="lead">${verdict(report)}</p>
<div class="cards">${card(sites, 'each with its own bucket')}${card(rounds, 'merged and committed')}${card(rejected, 'by intake, with the reason')}</div></section>`;
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

/** The compared models side by side, one block of rows per task. */
export function comparison(report: Report): Markup {
  const models = comparedModels(report);
  const tasks = report.tasks.filter(({ id }) => models.some(({ metrics }) => own(metrics, id)));
  if (tasks.length === 0) return html``;
  return html`<section aria-labelledby="tasks"><h2 id="tasks">Task by task</h2><div class="scroll" tabindex="0"><table class="comparison">
<thead><tr><th scope="col">Model</th>${COLUMNS.map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
${tasks.map(({ id, title }) => html`<tbody><tr class="group"><th scope="rowgroup" colspan="10">${title}</th></tr>${models.map((model) => metricsRow(model, own(model.metrics, id)))}</tbody>`)}
</table></div><p class="muted">Errors in mm over the points that were found; missing points are counted separately and never dropped. Dice is the median over cases in which truth or prediction has the structure. HD95 is the median 95 % Hausdorff distance over cases in which both have it. Volumes are medians. n counts points or cases.</p>${pointByPoint(report, models)}</section>`;
}

/** Metrics per point: the pooled figures hide a point that is always missing. */
function pointByPoint({ tasks }: Report, models: readonly Compared[]): Markup {
  const rows = tasks
    .flatMap(({ id, classes }) => classes.map((name) => ({ task: id, name })))
    .flatMap((of) => {
      const figures = models.map(({ metrics }) => {
        const found = own(metrics, of.task);
        return found?.kind === 'landmarks' ? own(found.byPoint ?? {}, of.name) : undefined;
      });
      return figures.some((one) => one && one.n > 0) ? [{ name: of.name, figures }] : [];
    });
  if (rows.length === 0) return html``;
  const cell = (of: PointMetrics | undefined) =>
    of ? `${millimetres(of.median)}, ${of.missing} of ${of.n} missing` : NONE;
  return html`<details><summary>Point by point</summary><div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Point</th>${models.map(({ title }) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>${rows.map(({ name, figures }) => html`<tr><th scope="row">${name}</th>${figures.map((of) => html`<td>${cell(of)}</td>`)}</tr>`)}</tbody>
</table></div></details>`;
}

const atSite = (bySite: Report['models'][number]['bySite'], site: string, task: string): Metrics | undefined => {
  const found = own(bySite, site);
  return found && own(found, task);
};

/** Every model at every site, one block of rows per task: share within 6 mm, or Dice. */
export function scoresBySite({ sites, tasks, models }: Report): Markup {
  const scored = sites.filter(({ id }) => models.some(({ bySite }) => own(bySite, id)));
  if (scored.length === 0) return html``;
  const cell = (of: Metrics | undefined) =>
    of === undefined ? NONE : of.kind === 'landmarks' ? percent(of.within6mm) : fixed(of.dice, 2);
  const blocks = tasks.flatMap(({ id, title, kind }) => {
    const rows = models.filter(({ metrics }) => own(metrics, id));
    if (rows.length === 0) return [];
    const unit = kind === 'landmarks' ? `points within ${WITHIN_MM} mm` : 'median Dice';
    return [
      html`<tbody><tr class="group"><th scope="rowgroup" colspan="${scored.length + 1}">${title}: ${unit}</th></tr>${rows.map(({ name, bySite }) => html`<tr><th scope="row">${name}</th>${scored.map((site) => html`<td class="number">${cell(atSite(bySite, site.id, id))}</td>`)}</tr>`)}</tbody>`,
    ];
  });
  return html`<section aria-labelledby="site-scores"><h2 id="site-scores">Every model at every site</h2><details><summary>${counted(models.length, 'model')}, ${counted(scored.length, 'site')}</summary><div class="scroll" tabindex="0"><table class="comparison">
<thead><tr><th scope="col">Model</th>${scored.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>${blocks}</table></div></details></section>`;
}

function metricsRow({ role, title }: Compared, metrics: Metrics | undefined): Markup {
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
  return html`<tr><th scope="row"><span class="key role-${role ?? 'other'}"></span>${title}</th>${cells.map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
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
  if (rows.every(({ before, after }) => before === null || after === null)) return html``;
  return html`<section aria-labelledby="by-site"><h2 id="by-site">Site by site</h2>
<p class="muted">Share of landmarks within ${WITHIN_MM} mm on each hospital's own ${report.scoredOn ?? 'held-out'} cases: <span class="key role-studentLabelsOnly"></span>labels alone → <span class="key role-student"></span>distilled.</p>
${dumbbell(rows, { before: 'labels alone', after: 'distilled' })}</section>`;
}

/** Share within 6 mm over all landmark tasks of one site. Every point counts once. */
export function pooledShare(metrics: MetricsByTask): number | null {
  const landmarks = Object.values(metrics).filter((of): of is LandmarkMetrics => of?.kind === 'landmarks');
  const points = landmarks.reduce((sum, { n }) => sum + n, 0);
  return points === 0 ? null : landmarks.reduce((sum, { n, within6mm }) => sum + n * (within6mm ?? 0), 0) / points;
}
