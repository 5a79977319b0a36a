import { z } from 'zod';
import { taskId } from '../schemas/common.ts';
import { modelNames, predicting, stageBase } from './fields.ts';
import { defineStageKind, ensembleFaults, type Fault, type StageOutput } from './kind.ts';

const thresholdSchema = z
  .strictObject({
    name: z.string().min(1).describe('Name in the report, unlike any of `models`.'),
    points: z
      .string()
      .describe(
        'The model in `models` whose hinge points give the centre of the annulus. Without it nothing is found in a case, which is counted.',
      ),
    place: z
      .string()
      .optional()
      .describe(
        'A model in `models` that has learnt the task: only bright voxels connected to its mask are taken. Default: all bright voxels.',
      ),
    task: taskId.default('calcification').describe('The task that is scored. The voxels get its class 1.'),
    within: z.number().positive().max(200).default(30).describe('Farthest from the centre of the annulus, mm.'),
    aboveBlood: z
      .number()
      .positive()
      .max(3000)
      .default(200)
      .describe('HU above the median of blood in the centre of the annulus from which a voxel is bright.'),
    reach: z
      .number()
      .nonnegative()
      .max(20)
      .default(2)
      .describe('With `place`: how far from its mask bright voxels may lie, mm.'),
  })
  .describe('Calcium by a threshold near the annulus, without a network of its own.');

/** Scores models on every site's held-out cases, or on those that it holds back for validation. */
export const evaluate = defineStageKind(
  z
    .strictObject({
      kind: z.literal('evaluate'),
      ...stageBase,
      models: z
        .record(z.string(), modelNames)
        .describe(
          'The models that every site scores: name in the report → stage that trained it, or a list of stages whose class probabilities are averaged.',
        ),
      ...predicting,
      cases: z
        .enum(['held-out', 'validation'])
        .optional()
        .describe(
          'The cases that are scored. `validation`: the training cases that the campaign holds back; a site without any sends no scores. Settings chosen by scores of held-out cases make these too good, by scores of validation cases they do not. Default: `held-out`.',
        ),
      predictions: z
        .string()
        .optional()
        .describe("The model in `models` whose predictions are written as NIfTI into the site's bucket."),
      compare: z
        .array(z.tuple([z.string(), z.string()]))
        .default([])
        .describe(
          'Pairs of `models` and `thresholds` that every site compares case by case, on the tasks that both have.',
        ),
      thresholds: z
        .array(thresholdSchema)
        .optional()
        .describe('Trivial baselines for calcium, scored beside the models.'),
    })
    .describe("Scores models on every site's held-out cases, or on its validation cases."),
  {
    tasks: () => [],
    samples: ({ cases: scored }, { cases, labelled }) => {
      if (scored !== 'validation') return cases.evaluation;
      const labels = Object.values(labelled).reduce((sum, count) => sum + count, 0);
      return Math.min(labels, cases.training);
    },
    need: ({ cases }) => (cases === 'validation' ? 'labelled training cases' : 'held-out cases'),
    output: () => ({ tasks: [], body: 'none', pseudoLabels: 'none' }),
    faults: ({ models, compare, predictions, thresholds = [] }, earlier) => {
      const named = [
        ...compare.flat().map((name) => ['compare', name] as const),
        ...(predictions === undefined ? [] : [['predictions', predictions] as const]),
        ...thresholds.flatMap(({ points, place = points }) =>
          [...new Set([points, place])].map((name) => ['thresholds', name] as const),
        ),
      ];
      const scored = new Set(thresholds.map(({ name }) => name));
      const unknown = named.flatMap(([field, name]): Fault[] =>
        Object.hasOwn(models, name) || (field === 'compare' && scored.has(name))
          ? []
          : [[field, `"${name}" is not a model of this stage`]],
      );
      return [
        ...ensembleFaults('models', Object.values(models), earlier),
        ...unknown,
        ...thresholdFaults(thresholds, models, earlier),
      ];
    },
  },
);

function thresholdFaults(
  thresholds: readonly z.infer<typeof thresholdSchema>[],
  models: Readonly<Record<string, z.infer<typeof modelNames>>>,
  earlier: ReadonlyMap<string, StageOutput>,
): readonly Fault[] {
  // An ensemble has the tasks of each of its stages.
  const learnt = (name: string) => {
    const stages = Object.hasOwn(models, name) ? [models[name] ?? []].flat() : [];
    return earlier.get(stages[0] ?? '')?.tasks ?? [];
  };
  const all = Object.keys(models).flatMap(learnt);
  return thresholds.flatMap(({ name, place, task }, index) => {
    const faults: string[] = [];
    const isTaken = Object.hasOwn(models, name) || thresholds.findIndex((other) => other.name === name) < index;
    if (isTaken) faults.push(`two models are named "${name}"`);
    if (!all.includes(task)) faults.push(`no model of this stage has learnt ${task}`);
    else if (place !== undefined && Object.hasOwn(models, place) && !learnt(place).includes(task)) {
      faults.push(`"${place}" has not learnt ${task}`);
    }
    return faults.map((message): Fault => ['thresholds', message]);
  });
}
