import { DEFAULT_TASKS, type DefaultTaskId, PAPER_TASKS, TASKS } from '../../federation/tasks.ts';
import { seededRandom } from '../../random.ts';
import { bootstrap, type Estimate } from '../../scoring/bootstrap.ts';
import { comparePaired } from '../../scoring/paired.ts';
import { clock, fixed, percent } from '../format.ts';
import { type Claim, claimsOf } from './claims.ts';
import { COMPARISONS, MODELS, PAPER_ROWS, type Row, rowOf, VARIANT_ROWS } from './compared-models.ts';
import { type Cluster, clustersOf, type Group, landmarkShare, medianOf, shareOf, valuesOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';

/**
 * The results as Markdown: the paper's table, the shares that count missing points, the claims with their intervals.
 *
 * @param command that created the results
 */
export function resultsPage(results: readonly SeedResult[], command: string): string {
  const [first] = results;
  if (!first) return '';
  const commits = [...new Set(results.map(({ commit }) => commit))].join(', ');
  const seeds = results.map(({ seed }) => seed).join(', ');
  const heldOut = results.reduce((sum, { sites }) => sum + sites.reduce((all, site) => all + site.evaluation, 0), 0);
  return `# Results of the \`${first.profile}\` experiment

For: researchers.

Made by \`${command}\` at commit ${commits}, seeds ${seeds}, on ${first.backend}. Phantoms, not patients: ${heldOut} held-out
CTs of eight hospitals, all seeds together. The figures of every case are in \`seed-*.json\` beside this page.

Each cell: **sites that trained the model / other sites**, all cases of all seeds pooled.

## Median error, mm (${SEGMENTATIONS.map((task) => `${TASKS[task].title.toLowerCase()}: median Dice`).join(', ')})

${table(PAPER_ROWS, results, (task, values) => fixed(medianOf(task, values), 2))}

Medians are over the points that were found. The next table also counts the missing ones.

## Share of points within 6 mm (a missing point is not)

${table(PAPER_ROWS, results, (task, values) => (isSegmentation(task) ? '' : percent(shareOf(values))))}

## Claims

Difference or ratio, with the 95 % interval of a bootstrap over hospitals and seeds. Each resample uses the same hospitals for both
models.

| claim | measure | found | |
| --- | --- | --- | --- |
${claimsOf(results).map(claimRow).join('\n')}

## Case by case

Difference of two models on the same held-out CT (first minus second) at all sites: mean over the cases with the 95 % interval of a
bootstrap over cases, and the number of cases on which the first was higher, equal, lower. Each site computes the differences and
sends them sorted.

${pairedTable(results)}

## Variants of distillation

${table(VARIANT_ROWS, results, (task, values) => fixed(medianOf(task, values), 2))}

${variantNote(results)}

Pseudo-labels accepted by the filter: ${acceptance(results)}.

## Curves and sites

![Mean loss of every round](learning-curves.svg)

![Share of landmarks within 6 mm by hospital](sites.svg)

## Every model at every site

Rows are models; columns are hospitals, each with its own held-out CTs. A hospital alone has models only of the tasks for which it has
labels.

Share of landmarks within 6 mm, over the landmark tasks that a model learnt:

${crossSiteTable(results, (clusters, row) => landmarkShare(clusters, row, 'all'), percent)}

${SEGMENTATIONS.map((task) => diceBySite(results, task)).join('\n\n')}

## Cost

${results.map(({ seed, wallSeconds, peakRssMB }) => `Seed ${seed}: ${clock(wallSeconds)}, at most ${Math.round(peakRssMB)} MB.`).join(' ')}
`;
}

const isSegmentation = (task: DefaultTaskId) => TASKS[task].kind === 'segmentation';
const SEGMENTATIONS: readonly DefaultTaskId[] = PAPER_TASKS.filter(isSegmentation);

const diceBySite = (results: readonly SeedResult[], task: DefaultTaskId): string => `${TASKS[task].title}, median Dice:

${crossSiteTable(
  results,
  (clusters, row) => medianOf(task, valuesOf(clusters, row, task, 'all')),
  (value) => fixed(value, 2),
)}`;

type CellText = (task: DefaultTaskId, values: readonly (number | null)[]) => string;

function table(rows: readonly Row[], results: readonly SeedResult[], text: CellText): string {
  const clusters = clustersOf(results);
  const cell = (row: Row, task: DefaultTaskId) => {
    const [own, others] = (['training', 'other'] as const).map((group: Group) =>
      text(task, valuesOf(clusters, row, task, group)),
    );
    return own || others ? `${own} / ${others}` : '';
  };
  // Results of an earlier version may lack a model.
  const there = rows.filter((row) => PAPER_TASKS.some((task) => valuesOf(clusters, row, task, 'all').length > 0));
  return [
    `| model | ${PAPER_TASKS.map((task) => TASKS[task].title).join(' | ')} |`,
    `| --- |${PAPER_TASKS.map(() => ' --- |').join('')}`,
    ...there.map((row) => `| ${row.title} | ${PAPER_TASKS.map((task) => cell(row, task)).join(' | ')} |`),
  ].join('\n');
}

/**
 * Models of single hospitals and models of all hospitals, evaluated at every hospital.
 *
 * @param figure of a row's models on the cases of a hospital; null if there is none
 */
function crossSiteTable(
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
  const together = PAPER_ROWS.slice(2);
  const rows = [...alone, ...together].flatMap((row) => {
    const at = ({ id }: SeedResult['sites'][number]) =>
      figure(
        clusters.filter(({ site }) => site === id),
        row,
      );
    const cells = sites.map(at);
    return cells.every((cell) => cell === null) ? [] : [`| ${row.title} | ${cells.map(text).join(' | ')} |`];
  });
  return [
    `| model | ${sites.map(({ name }) => name).join(' | ')} |`,
    `| --- |${sites.map(() => ' --- |').join('')}`,
    ...rows,
  ].join('\n');
}

const MEASURES = [
  ['within6mm', 'share within 6 mm'],
  ['error', 'error of points that both found, mm'],
  ['dice', 'Dice'],
] as const;

function pairedTable(results: readonly SeedResult[]): string {
  const all = results.flatMap(({ comparisons }) => Object.values(comparisons).flat());
  const rows = COMPARISONS.flatMap(([first, second]) =>
    DEFAULT_TASKS.flatMap(({ id: task, title: taskTitle }) => {
      const of = all.filter((one) => one.first === first && one.second === second && one.task === task);
      return MEASURES.flatMap(([measure, title]) => {
        const differences = of.flatMap((one) => one[measure] ?? []);
        if (differences.length === 0) return [];
        const { mean, higher, equal, lower } = comparePaired(differences, seededRandom('paired', first, second, task));
        const counts = `${higher} / ${equal} / ${lower}`;
        return [`| ${first} − ${second} | ${taskTitle} | ${title} | ${estimateText(mean)} | ${counts} |`];
      });
    }),
  );
  return [
    '| models | task | measure | mean difference | higher / equal / lower |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const claimRow = ({ text, measure, estimate, verdict }: Claim): string =>
  `| ${text} | ${measure} | ${estimateText(estimate)} | ${verdict} |`;

const estimateText = ({ value, low, high }: Estimate): string =>
  value === null ? 'not measured' : `${fixed(value, 3)} (${fixed(low, 3)} to ${fixed(high, 3)})`;

/** Each variant against the hard, filtered one: share of landmarks within 6 mm over all landmark tasks. */
function variantNote(results: readonly SeedResult[]): string {
  const [base, ...others] = VARIANT_ROWS;
  const notes = others.map((row) => {
    const estimate = bootstrap(
      clustersOf(results),
      (sample) => {
        const [with_, without] = [landmarkShare(sample, row, 'all'), landmarkShare(sample, base as Row, 'all')];
        return with_ === null || without === null ? null : with_ - without;
      },
      seededRandom('variants', row.title),
    );
    return `${row.title.slice(2)} ${estimateText(estimate)}`;
  });
  return `Change of the share of landmarks within 6 mm: ${notes.join('; ')}.`;
}

function acceptance(results: readonly SeedResult[]): string {
  const sums = PAPER_TASKS.map((task) => {
    const of = results.map(({ pseudoLabels }) => pseudoLabels['pseudo-label']);
    const sum = (counts: 'accepted' | 'unlabelled') => of.reduce((all, stage) => all + (stage?.[counts][task] ?? 0), 0);
    return `${TASKS[task].title.toLowerCase()} ${sum('accepted')} of ${sum('unlabelled')}`;
  });
  return sums.join(', ');
}
