import { z } from 'zod';
import { modelNames, predicting, stageBase } from './fields.ts';
import { defineStageKind, ensembleFaults } from './kind.ts';

/** Labels, at each site, the cases that lack a label. */
export const pseudoLabel = defineStageKind(
  z
    .strictObject({
      kind: z.literal('pseudo-label'),
      ...stageBase,
      teachers: z
        .array(modelNames)
        .min(1)
        .describe(
          'The teacher stages whose final models label the cases that lack a label. A list of stages in place of one: the mean of their class probabilities.',
        ),
      ...predicting,
      filter: z
        .strictObject({
          minConfidence: z
            .number()
            .min(0)
            .max(1)
            .optional()
            .describe(
              'Pseudo-labels with a lower mean softmax probability over the predicted foreground are not used. Default: halfway between chance and certainty, (1 + 1/channels)/2, with the background as a channel: 0.75 for a task of one class, 0.583 for one of five. 0: any confidence passes.',
            ),
          plausibility: z
            .boolean()
            .default(true)
            .describe(
              'Require all landmarks, each from a component with at least 80 % of the voxels of its class, and distances and volumes within the anatomical range.',
            ),
        })
        .prefault({})
        .describe('Which pseudo-labels are used.'),
      soft: z
        .boolean()
        .default(false)
        .describe('Keep the class probabilities of every voxel as well, for students that distil them.'),
    })
    .describe('Labels, at each site, the cases that lack a label, with the models of teachers.'),
  {
    tasks: () => [],
    samples: (_, { cases }) => cases.training,
    need: () => 'training cases',
    output: ({ soft }) => ({ tasks: [], body: 'none', pseudoLabels: soft ? 'soft' : 'hard' }),
    faults: ({ teachers }, earlier) => {
      const tasks = teachers.flatMap((teacher) => earlier.get([teacher].flat()[0] ?? '')?.tasks ?? []);
      const twice = tasks.find((task, index) => tasks.indexOf(task) !== index);
      const faults = ensembleFaults('teachers', teachers, earlier);
      if (twice === undefined) return faults;
      return [...faults, ['teachers', `two of them have learnt ${twice}: a case gets one label of each task`]];
    },
  },
);
