import { z } from 'zod';
import { stageName } from '../schemas/common.ts';
import { stageBase } from './fields.ts';
import { defineStageKind, modelFaults } from './kind.ts';

/** Scores models on every site's held-out cases, or on those that it holds back for validation. */
export const evaluate = defineStageKind(
  z
    .strictObject({
      kind: z.literal('evaluate'),
      ...stageBase,
      models: z
        .record(z.string(), stageName)
        .describe('The models that every site scores: name in the report → stage that trained it.'),
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
        .describe('Pairs of `models` that every site compares case by case, on the tasks that both learnt.'),
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
    faults: ({ models, compare, predictions }, earlier) => {
      const named = [
        ...compare.flat().map((name) => ['compare', name] as const),
        ...(predictions === undefined ? [] : [['predictions', predictions] as const]),
      ];
      const unknown = named.flatMap(([field, name]) =>
        Object.hasOwn(models, name) ? [] : [[field, `"${name}" is not a model of this stage`] as const],
      );
      return [...modelFaults('models', Object.values(models), earlier), ...unknown];
    },
  },
);
