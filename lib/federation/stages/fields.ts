import { z } from 'zod';
import { aggregationSchema } from '../schemas/aggregation.ts';
import { id, sha256, stageName } from '../schemas/common.ts';
import { modelSchema } from '../schemas/model.ts';
import { encodingSchema, quorumSchema, trainingSchema, validateSchema } from '../schemas/training.ts';
import type { TaskId } from '../tasks.ts';
import { algorithmFaults, type Trained } from './algorithm-faults.ts';
import type { Fault } from './kind.ts';

/** Fields that several kinds of stages share. */

/** Fields of every stage. */
export const stageBase = {
  name: stageName.describe('Name of the stage, unique in the campaign. It may contain one slash.'),
  after: z
    .array(stageName)
    .default([])
    .describe(
      'Further stages that must complete before this one opens. Stages that other fields name are waited for anyway.',
    ),
  sites: z
    .array(id)
    .min(1)
    .optional()
    .describe(
      'The sites that are asked to take part. Default: all. To train a model of one site, name that site alone.',
    ),
  quorum: quorumSchema.prefault({}).describe('How a round closes.'),
};

/** Fields of a stage that predicts cases. */
export const predicting = {
  overlap: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe(
      'Least share of a window that the next window overlaps. More is slower and a little smoother: 0.75 takes up to eight times as long as 0.5. Default: 0.5.',
    ),
};

/** A model: the stage that trained it, or several stages whose class probabilities are averaged. */
export const modelNames = z.union([stageName, z.array(stageName).min(2)]);

/** Fields of a stage that trains weights. */
export const trained = {
  rounds: z.int().positive().describe('Number of rounds.'),
  training: trainingSchema.describe('How a site trains in a round.'),
  aggregation: aggregationSchema
    .prefault({ strategy: 'fedavg' })
    .describe('How the updates of a round become one model. Default: federated averaging.'),
  encoding: encodingSchema.prefault({}).describe('How weights are sent.'),
  validate: validateSchema
    .optional()
    .describe(
      'Every site scores the model of each round on its validation cases, which `validation` of the campaign holds back. One more round, without training, scores the last model. Default: no model is scored, and the last one is kept.',
    ),
};

/** Fields of a stage that trains a network of its own. */
export const trainedNetwork = {
  model: modelSchema.describe('The network.'),
  init: sha256
    .optional()
    .describe(
      'SHA-256 of the weights that the stage starts from, as `fedcardio import` stores them. Default: weights drawn from the seed.',
    ),
  ...trained,
};

/** Faults of a stage that trains a network of its own, by the field that has them. */
export const networkFaults = ({
  init,
  ...stage
}: Trained & { readonly init?: string | undefined }): readonly Fault[] => [
  ...(init !== undefined && stage.training.localParameters.length > 0
    ? [
        [
          'init',
          'cannot be combined with localParameters: a site that joins later would start from other weights',
        ] as const,
      ]
    : []),
  ...algorithmFaults(stage),
  ...dpSgdFaults(stage),
];

/** What does not go together with `training.dpSgd`. */
export const dpSgdFaults = ({ training, validate }: Trained): readonly Fault[] => [
  ...(training.dpSgd && training.algorithm?.name === 'ditto'
    ? [['training', 'dpSgd cannot be combined with ditto: its personal model stays at the site'] as const]
    : []),
  ...(training.dpSgd && validate !== undefined
    ? [['validate', 'cannot be combined with dpSgd: it chooses a model by losses that have no noise'] as const]
    : []),
];

/** Heads that a stage's training weights though its network does not have them. */
export const headFaults = (
  { heads = {} }: z.infer<typeof trainingSchema>,
  tasks: readonly TaskId[],
): readonly Fault[] =>
  Object.keys(heads)
    .filter((task) => !tasks.includes(task))
    .map((task) => ['training', `heads: the stage does not learn "${task}", but ${tasks.join(', ')}`] as const);

/** The body of a stage's network, as a later stage finds it. */
export const bodyOf = ({ training }: Pick<Trained, 'training'>) =>
  training.localParameters.length > 0 ? ('differs-by-site' as const) : ('shared' as const);
