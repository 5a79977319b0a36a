import { type DefaultTaskId, PAPER_TASKS } from '../../federation/tasks.ts';

/** Names of the experiment's models, which are those of their stages in the campaign and of its evaluation. */
export const MODELS = {
  teacher: (task: DefaultTaskId) => `teacher/${task}`,
  localUnet: (site: string, task: DefaultTaskId) => `local-unet/${site}-${task}`,
  localSwin: (site: string) => `local-swin/${site}`,
  /** One site with as many steps as all sites of a federated model take together. */
  localSwinLong: (site: string) => `local-swin-long/${site}`,
  /** A Swin UNETR for one task, federated. */
  singleTaskSwin: (task: DefaultTaskId) => `swin/${task}`,
  federatedSwin: 'federated-swin',
  /** The federated Swin UNETR with the teachers' steps added to its own. */
  labelsOnlyLong: 'labels-only-long',
  distilledUnet: 'distilled-unet',
  distilledSwin: 'distilled-swin',
  softSwin: 'distilled-swin-soft',
  probeSwin: 'probe/distilled-swin',
  probeUnet: 'probe/teacher-unet',
  /** Calcium by a threshold near the predicted annulus, and with a network's place. */
  threshold: 'threshold',
  hybrid: 'hybrid',
} as const;

/** A row of the table: the models that it pools for a task, each with the sites whose labels it was trained on. */
export interface Row {
  readonly title: string;
  readonly models: (task: DefaultTaskId, labelled: readonly string[]) => readonly TrainedModel[];
}

export interface TrainedModel {
  readonly model: string;
  readonly trainedAt: readonly string[];
}

const federated = (model: (task: DefaultTaskId) => string): Row['models'] => {
  return (task, labelled) => [{ model: model(task), trainedAt: labelled }];
};
const local = (model: (site: string, task: DefaultTaskId) => string): Row['models'] => {
  return (task, labelled) => labelled.map((site) => ({ model: model(site, task), trainedAt: [site] }));
};

/** Models that the experiment has for one task. */
function only(task: DefaultTaskId, models: Row['models']): Row['models'] {
  return (asked, labelled) => (asked === task ? models(asked, labelled) : []);
}

/** The row of one model that all sites with labels trained, for figures outside the tables. */
export const rowOf = (model: (task: DefaultTaskId) => string): Row => ({ title: '', models: federated(model) });

/** The six rows of Tölle et al. (2025), in their order. */
const TRAINED_ALIKE: readonly Row[] = [
  { title: 'UNet, one site', models: local(MODELS.localUnet) },
  { title: 'Swin UNETR, one site', models: local(MODELS.localSwin) },
  { title: 'federated UNet (the teachers)', models: federated(MODELS.teacher) },
  { title: 'federated Swin UNETR', models: federated(() => MODELS.federatedSwin) },
  { title: 'distilled UNet', models: federated(() => MODELS.distilledUnet) },
  { title: '**distilled Swin UNETR**', models: federated(() => MODELS.distilledSwin) },
];

/** Rows that the paper lacks: rivals with more steps or one task, and calcium without a network of its own. */
const FURTHER: readonly Row[] = [
  { title: 'Swin UNETR, one site, as many steps as federated', models: local(MODELS.localSwinLong) },
  { title: 'federated Swin UNETR, one task', models: only('membranous-septum', federated(MODELS.singleTaskSwin)) },
  { title: "federated Swin UNETR, the teachers' steps added", models: federated(() => MODELS.labelsOnlyLong) },
  {
    title: 'threshold at the predicted annulus',
    models: only(
      'calcification',
      federated(() => MODELS.threshold),
    ),
  },
  {
    title: "hybrid: a network's place, the threshold's border",
    models: only(
      'calcification',
      federated(() => MODELS.hybrid),
    ),
  },
];

/** Models that all hospitals trained together, as the paper has them. */
export const FEDERATED_ROWS: readonly Row[] = TRAINED_ALIKE.slice(2);

/** Rows of the tables. A row without results is left out. */
export const PAPER_ROWS: readonly Row[] = [...TRAINED_ALIKE, ...FURTHER];

/** The distilled Swin UNETR with one setting changed in each row. */
export const VARIANT_ROWS: readonly Row[] = [
  { title: 'distilled Swin UNETR, hard labels', models: federated(() => MODELS.distilledSwin) },
  { title: '… soft beside hard labels', models: federated(() => MODELS.softSwin) },
];

/** Pairs of models that are compared per case, the first minus the second. */
export const COMPARISONS: readonly (readonly [string, string])[] = [
  [MODELS.distilledSwin, MODELS.federatedSwin],
  [MODELS.distilledSwin, MODELS.labelsOnlyLong],
  [MODELS.distilledSwin, MODELS.distilledUnet],
  ...PAPER_TASKS.flatMap((task) => [
    [MODELS.distilledSwin, MODELS.teacher(task)] as const,
    [MODELS.distilledSwin, MODELS.singleTaskSwin(task)] as const,
  ]),
  [MODELS.distilledSwin, MODELS.threshold],
  [MODELS.distilledSwin, MODELS.hybrid],
  [MODELS.teacher('calcification'), MODELS.threshold],
  [MODELS.hybrid, MODELS.threshold],
  [MODELS.softSwin, MODELS.distilledSwin],
  [MODELS.probeSwin, MODELS.probeUnet],
];

/** The pairs among some models: those that an evaluation of them compares. */
export const comparisonsAmong = (models: readonly string[]): [string, string][] =>
  COMPARISONS.filter((pair) => pair.every((name) => models.includes(name))).map(([first, second]) => [first, second]);
