import { channelsOf, classTitle, type Task, WITHIN_MM } from '../federation/tasks.ts';
import { sha256Hex } from '../json.ts';
import { encodeSafetensors } from '../weights/safetensors.ts';
import { elementsOf } from '../weights/weights.ts';
import { intensityText } from './interchange/input.ts';
import { PURPOSE, type TrainedModel } from './package.ts';

/** A figure with its 95 % interval. Null where it is undefined, such as without cases. */
export interface CardFigure {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

/** Scores of a model for one task, over the held-out cases of all sites that scored it. */
export interface CardScore {
  readonly task: string;
  readonly sites: number;
  /** Points of a landmark task, otherwise cases. */
  readonly n: number;
  /** Landmarks: share of all points within 6 mm. Segmentations: median Dice. */
  readonly main: CardFigure;
  /** Landmarks: median error of the points found, mm. */
  readonly error?: CardFigure;
  /** Landmarks: points that were not found. */
  readonly missing?: number;
}

/** What a card says beside what the model says of itself. */
export interface CardFacts {
  readonly release: string;
  /** SHA-256 of the campaign's plan; undefined for a release that can be trained again, whose plan has a time. */
  readonly plan: string | undefined;
  /** Sites whose updates the last round merged, and their training cases. */
  readonly data: { readonly sites: number; readonly cases: number };
  /** Cases that the model may have learnt from and that were withdrawn since, and the commits that contain them, by hash. */
  readonly withdrawn: { readonly cases: number; readonly commits: readonly string[] };
  /** Pseudo-labels beside the sites' own labels. */
  readonly pseudoLabels: boolean;
  readonly scores: readonly CardScore[];
  /** Differential privacy of the campaign, in sentences; absent without it. */
  readonly privacy?: string;
  /** SPDX identifier, or a sentence; undefined if nobody has chosen one. */
  readonly licence: string | undefined;
}

/** A model card (Mitchell et al. 2019, arXiv 1810.03993) in Markdown. */
export function modelCard(trained: TrainedModel, facts: CardFacts): string {
  const { origin } = trained;
  return `# Model card: ${origin.campaign}, ${origin.stage}

**For research only, not a medical device.**

## Model

${table([
  ['network', networkText(trained)],
  [
    'parameters',
    [...trained.weights.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0).toLocaleString('en'),
  ],
  ['written by', `fedcardio ${facts.release}`],
])}

### Output

${outputTable(trained.tasks)}

Channels are counted over all heads, in their order. Each head has a softmax of its own.

## Input

${table([
  ['image', 'contrast-enhanced cardiac CT'],
  ['orientation', 'right, anterior, superior (RAS)'],
  ['voxels', `${trained.spacing} mm, isotropic`],
  ['windows', `${trained.patch}³ voxels`],
  ['intensity', intensityText(trained.intensity)],
  ['heart crop', trained.heartCrop === null ? 'none' : `a cube of ${trained.heartCrop} mm, where a heart is found`],
])}

## Intended use

This model is ${PURPOSE}. It was made to study federated training and distillation. It is not for diagnosis, planning or any
decision about a patient. It says nothing useful about other modalities, unenhanced CT, children, or anatomy that its
training data lacked.

## Training data

${dataText(trained, facts)}

${withdrawnText(facts)}

## Scores

${scoresText(trained.tasks, facts.scores)}

## Privacy

${privacySection(facts)}

## Licence

${facts.licence ?? 'None was chosen. The owners of the training data decide who may use the weights. (The licence of fedcardio, Apache-2.0, is that of the program.)'}

## Origin

${table([
  ['campaign, stage, round', `${origin.campaign}, ${origin.stage}, ${origin.round}`],
  ...hashRow('plan', facts.plan),
  ...hashRow("round's commit", origin.commit),
  ['global model', `SHA-256 \`${trained.sha256}\``],
  ['weights of the package', `SHA-256 \`${sha256Hex(encodeSafetensors(trained.weights))}\``],
])}

${originText(trained)}
`;
}

const privacySection = ({ privacy }: CardFacts): string =>
  privacy === undefined
    ? `CTs, labels and predictions stayed at the sites; updates of weights left them. No formal privacy was enforced: there was no
differential privacy and no secure aggregation. Weights can reveal something of the cases that they were trained on. Share them on
the terms to which the sites agreed.`
    : `CTs, labels and predictions stayed at the sites; updates of weights left them.

${privacy}

Share the weights on the terms to which the sites agreed.`;

const hashRow = (name: string, sha256: string | undefined): readonly (readonly [string, string])[] =>
  sha256 === undefined ? [] : [[name, `SHA-256 \`${sha256}\``]];

const originText = ({ origin: { campaign, commit } }: TrainedModel): string =>
  commit === undefined
    ? 'The plan and the commits of the training have times, so that their hashes are left out: training again on the same machine\ngives the same files.'
    : `Commits are chained by their hashes, from the plan on. \`fedcardio campaign verify ${campaign}\` recomputes every round of\nthe campaign, where its buckets can be read.`;

function networkText({ model }: TrainedModel): string {
  if (model.kind === 'unet') return `UNet (nnU-Net's PlainConvUNet), features ${model.features.join(', ')}`;
  const { featureSize, depths, heads, window } = model;
  return `Swin UNETR, feature size ${featureSize}, depths ${depths.join(', ')}, attention heads ${heads.join(', ')}, windows of ${window}³ tokens`;
}

function outputTable(tasks: readonly Task[]): string {
  let channel = 0;
  const rows = tasks.flatMap((task) =>
    Array.from({ length: channelsOf(task) }, (_, label) => {
      return `| ${channel++} | \`${task.id}\` | ${task.kind} | ${label === 0 ? 'background' : classTitle(task, label)} |`;
    }),
  );
  return ['| channel | head | kind | class |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function dataText({ trainedOnPhantoms }: TrainedModel, { data, pseudoLabels }: CardFacts): string {
  const kind = {
    true: 'All of them are synthetic: phantoms of fedcardio. The model has seen no patient.',
    false: 'Whether they are patients or phantoms is not recorded here.',
  }[`${trainedOnPhantoms === true}`];
  const labels = pseudoLabels
    ? 'Where a site had no label of a task, the prediction of a teacher stood for it.'
    : 'All labels are those of the sites.';
  return `The last round merged updates of ${count(data.sites, 'site')}, trained on ${count(data.cases, 'CT')}. ${kind} ${labels}`;
}

/** Most commits that a card lists. */
const LISTED_COMMITS = 20;

function withdrawnText({ withdrawn: { cases, commits } }: CardFacts): string {
  if (cases === 0) return 'When this card was written, no site had withdrawn a case that the model learnt from.';
  const listed = commits.slice(-LISTED_COMMITS).map((sha256) => `- \`${sha256}\``);
  const more =
    commits.length > LISTED_COMMITS ? `the last ${LISTED_COMMITS} of ${commits.length} commits` : 'these commits';
  return `**${count(cases, 'case')} that the model may have learnt from ${cases === 1 ? 'was' : 'were'} withdrawn since.** Affected are ${commits.length === 0 ? 'rounds of its training' : more}.
Train it again without them: \`fedcardio campaign start --without-withdrawn\`.${listed.length > 0 ? `\n\n${listed.join('\n')}` : ''}`;
}

function scoresText(tasks: readonly Task[], scores: readonly CardScore[]): string {
  if (scores.length === 0) return 'The campaign did not evaluate this model: nothing is known of its quality.';
  const rows = scores.map(({ task, sites, n, main, error, missing }) => {
    const { kind, title } = tasks.find(({ id }) => id === task)!;
    const isPoints = kind === 'landmarks';
    return `| ${title} | ${sites} | ${n} ${isPoints ? 'points' : 'cases'} | ${isPoints ? `${figure(main, 100, 0)} % within ${WITHIN_MM} mm` : `Dice ${figure(main, 1, 2)}`} | ${error ? `${figure(error, 1, 1)} mm` : ''} | ${missing ?? ''} |`;
  });
  return `On held-out cases of the sites, which no stage trained on:

| task | sites | n | share of points, or median Dice | median error of the points found | missing points |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

In brackets: 95 % percentile intervals of a bootstrap that draws sites, then cases or points within them (2,000 draws). They
show how much the figures depend on who took part. They do not show how they would differ in another training, nor at a
hospital of another kind.`;
}

const figure = ({ value, low, high }: CardFigure, factor: number, digits: number): string => {
  const text = (of: number | null) => (of === null ? 'undefined' : (of * factor).toFixed(digits));
  return low === null || high === null ? text(value) : `${text(value)} (${text(low)} to ${text(high)})`;
};

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const table = (rows: readonly (readonly [string, string])[]): string =>
  ['| | |', '| --- | --- |', ...rows.map(([name, text]) => `| ${name} | ${text} |`)].join('\n');
