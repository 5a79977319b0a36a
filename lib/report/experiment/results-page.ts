import { type DefaultTaskId, PAPER_TASKS, PROBE_TASK, TASKS } from '../../federation/tasks.ts';
import { mean, median } from '../../scoring/quantile.ts';
import { clock, fixed, percent } from '../format.ts';
import { calciumTable } from './calcium.ts';
import { claimsOf, FEWEST_SEEDS } from './claims.ts';
import { claimTable, pairedTable } from './claims-tables.ts';
import { MODELS, PAPER_ROWS, type Row, rowOf, VARIANT_ROWS } from './compared-models.ts';
import { calibrationTable } from './confidence.ts';
import { madeBy } from './made-by.ts';
import { landmarkShare, medianOf, medianWithMissing, shareOf, valuesOf } from './pooling.ts';
import type { SeedResult } from './seed-result.ts';
import { crossSiteTable, errorText, isExternal, pointTable, taskTable } from './tables.ts';

/**
 * The results as Markdown: the paper's table, figures that count missing points, and the claims with their intervals.
 *
 * @param command that created the results
 */
export function resultsPage(results: readonly SeedResult[], command: string): string {
  const [first] = results;
  if (!first) return '';
  const heldOut = results.reduce((sum, { sites }) => sum + sites.reduce((all, site) => all + site.evaluation, 0), 0);
  const external = first.sites.filter(isExternal).length;
  const cells = external > 0 ? GROUP_TEXT.external : GROUP_TEXT.none;
  return `# Results of the \`${first.profile}\` experiment

For: researchers.

${madeBy(command, results)}
Phantoms, not patients: ${heldOut} held-out CTs of ${first.sites.length} hospitals${external > 0 ? `, ${external} of them external` : ''}, all seeds together. The figures of every site are in
\`seed-*.json\` beside this page.

**The sample size is ${results.length}**, the number of seeds: all hospitals and cases of a seed share its models. A claim is *reached* if both
intervals support it, with at least ${FEWEST_SEEDS} seeds; *missed* if the value contradicts it; *undecided* otherwise
([decision 053](../../decisions/053-the-sample-size-is-the-number-of-seeds.md)).

## Claims

Mean over the seeds, the 95 % interval by Student's t over the seeds, and that of a bootstrap over seeds, then hospitals, then cases.
Nothing corrects for the number of claims: of twenty claims, one interval is expected to be wrong.

${claimTable(claimsOf(results))}

## Median error, mm (${SEGMENTATIONS.map((task) => `${TASKS[task].title.toLowerCase()}: median Dice`).join(', ')})

Each cell: ${cells}; all cases of all seeds pooled. The paper's way: medians are over the points that were found.
${ceilingText(results)}
${taskTable(PAPER_ROWS, results, (task, values) => fixed(medianOf(task, values), 2))}

The same errors with a missing point as the farthest; *none*: half of the points or more are missing.

${taskTable(PAPER_ROWS, results, (_, values) => errorText(medianWithMissing(values)), LANDMARKS)}

## Share of points within 6 mm (a missing point is not)

${taskTable(PAPER_ROWS, results, (_, values) => percent(shareOf(values)), LANDMARKS)}

## Landmark error by point

All sites. Each cell: median error in mm, a missing point being the farthest / share within 6 mm / missing points of all seeds.

${pointTable(results)}

## Calcium

All sites. Agreement of volumes: mean of predicted minus true, and limits of agreement (± 1.96 standard deviations; Bland and Altman).
*Error per true mm³* is the slope of the error over the true volume: negative if much calcium is underestimated. False calcium is what a
model marks where there is none. Without a predicted annulus, a threshold finds nothing.

${calciumTable(results)}

![Error of calcium volume by model](calcium.svg)

## Probe of the features: ${TASKS[PROBE_TASK].title.toLowerCase()}

Mean Dice of a new last layer on frozen features. Each cell: ${cells}.

${taskTable(PROBE_ROWS, results, (_, values) => fixed(mean(values.filter((value) => value !== null)), 3), [PROBE_TASK])}

## Case by case

Difference of two models on the same held-out CT (first minus second) at all sites, as in *Claims*, and the number of cases on which the
first was higher, equal, lower. Each site computes the differences and sends them sorted. A case without calcium has no Dice where
nothing is marked, and no difference: see false calcium.

${pairedTable(results)}

## Confidence

Landmarks: found points by the mean probability of their voxels, correct within 6 mm. Segmentations: voxels that are foreground in truth
or prediction, by the probability of the predicted class. The expected calibration error is 0 if a model is right as often as it is
confident.

${calibrationTable(results)}

![Share of correct predictions by confidence](calibration.svg)

## Variants of distillation

${taskTable(VARIANT_ROWS, results, (task, values) => fixed(medianOf(task, values), 2))}

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

const GROUP_TEXT = {
  none: '**sites that trained the model / other sites**',
  external: '**sites that trained the model / other sites / external sites**, whose scanners no training site has',
} as const;

const isSegmentation = (task: DefaultTaskId) => TASKS[task].kind === 'segmentation';
const SEGMENTATIONS: readonly DefaultTaskId[] = PAPER_TASKS.filter(isSegmentation);
const LANDMARKS: readonly DefaultTaskId[] = PAPER_TASKS.filter((task) => !isSegmentation(task));

const PROBE_ROWS: readonly Row[] = [
  { ...rowOf(() => MODELS.probeSwin), title: 'distilled Swin UNETR' },
  { ...rowOf(() => MODELS.probeUnet), title: 'UNet' },
];

/** The most that any network can reach for calcium at the experiment's spacing. */
function ceilingText(results: readonly SeedResult[]): string {
  const ceilings = results.flatMap(({ ceiling }) => ceiling ?? []);
  const [first] = ceilings;
  if (!first) return '';
  const [dice, volume] = [median(ceilings.map((one) => one.dice)), median(ceilings.map((one) => one.volume))];
  return `\nCeiling at ${first.spacing} mm: a network without any error reaches a median Dice of ${fixed(dice, 2)} for calcium, and ${fixed(volume, 2)} of its volume.\n`;
}

const diceBySite = (results: readonly SeedResult[], task: DefaultTaskId): string => `${TASKS[task].title}, median Dice:

${crossSiteTable(
  results,
  (clusters, row) => medianOf(task, valuesOf(clusters, row, task, 'all')),
  (value) => fixed(value, 2),
)}`;

function acceptance(results: readonly SeedResult[]): string {
  const sums = PAPER_TASKS.map((task) => {
    const of = results.map(({ pseudoLabels }) => pseudoLabels['pseudo-label']);
    const sum = (counts: 'accepted' | 'unlabelled') => of.reduce((all, stage) => all + (stage?.[counts][task] ?? 0), 0);
    return `${TASKS[task].title.toLowerCase()} ${sum('accepted')} of ${sum('unlabelled')}`;
  });
  return sums.join(', ');
}
