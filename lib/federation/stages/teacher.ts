import { z } from 'zod';
import { taskId } from '../schemas/common.ts';
import { bodyOf, headFaults, networkFaults, stageBase, trainedNetwork } from './fields.ts';
import { defineStageKind } from './kind.ts';

/** Trains a network for one task on that task's labels. */
export const teacher = defineStageKind(
  z
    .strictObject({
      kind: z.literal('teacher'),
      ...stageBase,
      task: taskId.describe('The task that the network learns.'),
      ...trainedNetwork,
    })
    .describe('Trains a network for one task on the labels of that task.'),
  {
    tasks: ({ task }) => [task],
    samples: ({ task }, { labelled }) => labelled[task] ?? 0,
    need: ({ task }) => `training cases with ${task} labels`,
    output: (stage) => ({ tasks: [stage.task], body: bodyOf(stage), pseudoLabels: 'none' }),
    faults: (stage) => [...networkFaults(stage), ...headFaults(stage.training, [stage.task])],
  },
);
