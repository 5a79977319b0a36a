import { z } from 'zod';
import { stageName, taskId } from '../schemas/common.ts';
import { bodyOf, headFaults, networkFaults, stageBase, trainedNetwork } from './fields.ts';
import { defineStageKind, type Fault, type StageOutput } from './kind.ts';

const schema = z
  .strictObject({
    kind: z.literal('student'),
    ...stageBase,
    tasks: z.array(taskId).min(1).describe('The tasks that the network learns, one head each.'),
    pseudoLabels: stageName
      .optional()
      .describe('The stage whose pseudo-labels are used for cases without a label. Default: train on labels alone.'),
    pseudoLabelWeight: z
      .enum(['equal', 'confidence'])
      .default('equal')
      .describe('Weight of a pseudo-label in the loss: as a label, or its confidence.'),
    distillation: z
      .strictObject({
        temperature: z.number().min(1).default(1).describe('Temperature of both softmaxes.'),
        weight: z.number().positive().max(1).default(0.5).describe("Share of the soft loss in a pseudo-label's loss."),
      })
      .optional()
      .describe(
        "Soft distillation (Hinton et al. 2015): cross-entropy with the teachers' class probabilities, in addition to the hard pseudo-labels. Default: hard pseudo-labels alone.",
      ),
    ...trainedNetwork,
  })
  .describe('Trains one network for several tasks, on labels and pseudo-labels.');

/** Trains one network for several tasks, on labels and pseudo-labels. */
export const student = defineStageKind(schema, {
  tasks: ({ tasks }) => tasks,
  samples: ({ pseudoLabels, tasks }, { cases, labelled }) => {
    if (pseudoLabels !== undefined) return cases.training;
    const labels = tasks.reduce((sum, task) => sum + (labelled[task] ?? 0), 0);
    return Math.min(labels, cases.training);
  },
  need: ({ pseudoLabels, tasks }) =>
    pseudoLabels === undefined ? `training cases with labels of ${tasks.join(', ')}` : 'training cases',
  output: (stage) => ({ tasks: stage.tasks, body: bodyOf(stage), pseudoLabels: 'none' }),
  faults: (stage, earlier) => [
    ...networkFaults(stage),
    ...headFaults(stage.training, stage.tasks),
    ...pseudoLabelFaults(stage, earlier),
  ],
});

function pseudoLabelFaults(
  { distillation, pseudoLabelWeight, pseudoLabels }: z.infer<typeof schema>,
  earlier: ReadonlyMap<string, StageOutput>,
): readonly Fault[] {
  const made = pseudoLabels === undefined ? undefined : earlier.get(pseudoLabels)?.pseudoLabels;
  if (made === 'none') return [['pseudoLabels', `"${pseudoLabels}" makes no pseudo-labels`]];
  if (!distillation && pseudoLabelWeight === 'equal') return [];
  const field = distillation ? 'distillation' : 'pseudoLabelWeight';
  if (pseudoLabels === undefined) return [[field, 'needs pseudo-labels: name their stage in pseudoLabels']];
  if (!distillation || made !== 'hard') return [];
  return [[field, `"${pseudoLabels}" keeps no probabilities: it needs "soft": true`]];
}
