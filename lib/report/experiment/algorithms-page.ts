import { type DefaultTaskId, TASKS } from '../../federation/tasks.ts';
import { own } from '../../own.ts';
import { seededRandom } from '../../random.ts';
import { estimateOverSeeds } from '../../scoring/bootstrap.ts';
import { mean, median } from '../../scoring/quantile.ts';
import { fixed, percent } from '../format.ts';
import { ALGORITHM_ROWS, ALGORITHMS, BASELINE } from './algorithms.ts';
import { intervalText } from './claims-tables.ts';
import { madeBy } from './made-by.ts';
import { type Group, isIn, labelledAt, medianOf, medianWithMissing, shareOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { errorText, groupsOf, markdownTable, taskTable } from './tables.ts';

const TASK: DefaultTaskId = 'hinge-points';

/**
 * The comparison of federated algorithms as Markdown.
 *
 * @param command that created the results
 */
export function algorithmsPage(results: readonly SeedResult[], command: string): string {
  const groups = groupsOf(results).map((group) => GROUP_TITLES[group]);
  return `# Federated algorithms

For: researchers.

${madeBy(command, results)}
Phantoms, not patients. One UNet for ${TASKS[TASK].title.toLowerCase()}, with the rounds, steps, learning rate and first weights of the
\`small\` experiment's teacher. FedProx has μ = 0.01 and Ditto λ = 10: round numbers, which were not tuned.

**The sample size is ${results.length}**, the number of seeds. ${groups.length > 1 ? `Each cell: ${groups.join(' / ')}.` : ''}

- FedBN, FedPer and Ditto are scored with the site's own parameters where it has some. At the others FedBN has its first norms,
  FedPer has no head and no score, and Ditto is FedAvg.
- SCAFFOLD sends twice the bytes of FedAvg. Ditto takes twice the steps.

## Share of points within 6 mm (a missing point is not)

${taskTable(ALGORITHM_ROWS, results, (_, values) => percent(shareOf(values)), [TASK])}

## Median error, mm

Over the points that were found:

${taskTable(ALGORITHM_ROWS, results, (task, values) => fixed(medianOf(task, values), 2), [TASK])}

With a missing point as the farthest; *none*: half of the points or more are missing.

${taskTable(ALGORITHM_ROWS, results, (_, values) => errorText(medianWithMissing(values)), [TASK])}

## Against ${ALGORITHMS[BASELINE]}, case by case

Difference in the share of points within 6 mm on the same held-out CT. Mean over the seeds, the 95 % interval by Student's t over the
seeds, and that of a bootstrap over seeds, then hospitals, then cases. Nothing corrects for the number of rows.

${differenceTable(results)}

## Seconds of work, all sites together

${markdownTable(
  ['algorithm', 'median over the seeds'],
  Object.entries(ALGORITHMS).map(([name, title]) => [title, fixed(medianSeconds(results, name), 0)]),
)}
`;
}

const GROUP_TITLES: Readonly<Record<Exclude<Group, 'all'>, string>> = {
  training: 'sites that trained the model',
  other: 'other sites',
  external: 'external sites, whose scanners no training site has',
};

function differenceTable(results: readonly SeedResult[]): string {
  const rows = Object.entries(ALGORITHMS).flatMap(([name, title]) =>
    groupsOf(results).flatMap((group) => {
      const seeds = results.map((result) => result.sites.map(({ id }) => [differencesAt(result, id, name, group)]));
      const { value, byT, byBootstrap } = estimateOverSeeds(
        seeds,
        ([list = []]) => mean(list.filter((difference) => difference !== null)),
        seededRandom('algorithms', name, group),
      );
      if (value === null) return [];
      return [[title, GROUP_TITLES[group], fixed(value, 3), intervalText(byT), intervalText(byBootstrap)]];
    }),
  );
  return markdownTable(['algorithm', 'sites', 'mean difference', 'by t', 'by bootstrap'], rows);
}

function differencesAt(result: SeedResult, site: string, name: string, group: Group): readonly (number | null)[] {
  if (!isIn(group, { trainedAt: labelledAt(result, TASK) }, { result, site })) return [];
  return (own(result.comparisons, site) ?? [])
    .filter((one) => one.first === name && one.second === BASELINE && one.task === TASK)
    .flatMap(({ within6mm }) => within6mm ?? []);
}

const medianSeconds = (results: readonly SeedResult[], name: string): number | null =>
  median(results.flatMap(({ stages }) => stages.filter((stage) => stage.name === name).map(({ seconds }) => seconds)));
