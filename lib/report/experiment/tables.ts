import { classTitle, type DefaultTaskId, PAPER_TASKS, TASKS } from '../../federation/tasks.ts';
import { fixed, NONE, percent } from '../format.ts';
import { FEDERATED_ROWS, MODELS, PAPER_ROWS, type Row, rowOf } from './compared-models.ts';
import {
  type Cluster,
  clustersOf,
  GROUPS,
  LANDMARK_TASKS,
  medianWithMissing,
  scoresOf,
  shareOf,
  valuesOf,
} from './pooling.ts';
import type { SeedResult } from './seed-result.ts';

/** A table in Markdown. */
export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

export type CellText = (task: DefaultTaskId, values: readonly (number | null)[]) => string;

/**
 * Rows by task. A cell has a figure for each group of sites: trained the model / other / external, without external
 * sites if there are none. A row without results is left out.
 */
export function taskTable(
  rows: readonly Row[],
  results: readonly SeedResult[],
  text: CellText,
  tasks: readonly DefaultTaskId[] = PAPER_TASKS,
): string {
  const clusters = clustersOf(results);
  const groups = groupsOf(results);
  const cell = (row: Row, task: DefaultTaskId) => {
    const values = groups.map((group) => valuesOf(clusters, row, task, group));
    return values.every((of) => of.length === 0) ? '' : values.map((of) => text(task, of)).join(' / ');
  };
  return markdownTable(
    ['model', ...tasks.map((task) => TASKS[task].title)],
    rows
      .map((row) => [row.title, ...tasks.map((task) => cell(row, task))])
      .filter(([, ...cells]) => cells.some((text) => text !== '')),
  );
}

/** The groups of sites that the results have. */
export const groupsOf = (results: readonly SeedResult[]) =>
  GROUPS.filter((group) => group !== 'external' || results.some(({ sites }) => sites.some(isExternal)));

export const isExternal = ({ training }: Pick<SeedResult['sites'][number], 'training'>): boolean => training === 0;

/** A median error in mm; `none` if half of the points or more are missing. */
export const errorText = (median: number | null): string =>
  median === null ? NONE : Number.isFinite(median) ? fixed(median, 2) : 'none';

/** Each point of the landmark tasks at all sites: median error with a missing point as the farthest, share, missing. */
export function pointTable(results: readonly SeedResult[]): string {
  const clusters = clustersOf(results);
  const points = LANDMARK_TASKS.flatMap((task) =>
    TASKS[task].classes.map((name, index) => ({ task, name, title: classTitle(TASKS[task], index + 1) })),
  );
  const rows = PAPER_ROWS.map((row) => [
    row.title,
    ...points.map(({ task, name }) =>
      pointText(scoresOf(clusters, row, task, 'all').flatMap(({ errors }) => errors?.[name] ?? [])),
    ),
  ]).filter(([, ...cells]) => cells.some((text) => text !== ''));
  return markdownTable(['model', ...points.map(({ title }) => title)], rows);
}

function pointText(errors: readonly (number | null)[]): string {
  if (errors.length === 0) return '';
  const missing = errors.filter((error) => error === null).length;
  return `${errorText(medianWithMissing(errors))} / ${percent(shareOf(errors))} / ${missing}`;
}

/**
 * Models of single hospitals and models of all hospitals, evaluated at every hospital.
 *
 * @param figure of a row's models on the cases of a hospital; null if there is none
 */
export function crossSiteTable(
  results: readonly SeedResult[],
  figure: (clusters: readonly Cluster[], row: Row) => number | null,
  text: (value: number | null) => string,
): string {
  const sites = results[0]?.sites ?? [];
  const clusters = clustersOf(results);
  const alone = sites.flatMap(({ id, name }) => [
    { ...rowOf((task) => MODELS.localUnet(id, task)), title: `${name} alone, UNet` },
    { ...rowOf(() => MODELS.localSwin(id)), title: `${name} alone, Swin UNETR` },
  ]);
  const rows = [...alone, ...FEDERATED_ROWS].map((row) => ({
    title: row.title,
    cells: sites.map(({ id }) =>
      figure(
        clusters.filter(({ site }) => site === id),
        row,
      ),
    ),
  }));
  return markdownTable(
    ['model', ...sites.map((site) => (isExternal(site) ? `${site.name} (external)` : site.name))],
    rows
      .filter(({ cells }) => cells.some((cell) => cell !== null))
      .map(({ title, cells }) => [title, ...cells.map(text)]),
  );
}
