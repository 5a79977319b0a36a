import { z } from 'zod';
import { stageName, taskId } from '../schemas/common.ts';
import { dpSgdFaults, headFaults, stageBase, trained } from './fields.ts';
import { defineStageKind, type Fault } from './kind.ts';

/** Trains a new last layer for another task on a frozen body, to measure what the body's features are good for. */
export const probe = defineStageKind(
  z
    .strictObject({
      kind: z.literal('probe'),
      ...stageBase,
      of: stageName.describe('The stage whose final model is probed.'),
      task: taskId.describe('The task that the new last layer learns.'),
      ...trained,
    })
    .describe("Trains a new last layer for another task on another stage's network, whose body stays as it is."),
  {
    tasks: ({ task }) => [task],
    samples: ({ task }, { labelled }) => labelled[task] ?? 0,
    need: ({ task }) => `training cases with ${task} labels`,
    output: ({ task }) => ({ tasks: [task], body: 'none', pseudoLabels: 'none' }),
    faults: ({ of, task, ...stage }, earlier) => {
      const { training } = stage;
      const algorithm: Fault[] = training.algorithm
        ? [['training', 'a probe compares features: it has no algorithm']]
        : [];
      const own = [...headFaults(training, [task]), ...algorithm, ...dpSgdFaults(stage)];
      const body = earlier.get(of)?.body;
      if (body === 'none')
        return [...own, ['of', `"${of}" is neither a teacher nor a student: there is no body to probe`]];
      if (body !== 'differs-by-site') return own;
      return [...own, ['of', `"${of}" has parameters that stay at their sites: there is no single body to probe`]];
    },
  },
);
