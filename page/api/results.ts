import { z } from 'zod';

const count = z.int().nonnegative();
const figure = z.number().nullable();

const landmarkFigures = z.strictObject({
  kind: z.literal('landmarks'),
  /** Points in the truth, found or not. */
  n: count,
  missing: count,
  /** Error of the found points, mm. */
  median: figure,
  p90: figure,
  /** Share of all `n` points that are near enough, 0 to 1. */
  within: figure,
});

const maskFigures = z.strictObject({
  kind: z.literal('segmentation'),
  /** Cases in which truth or prediction has the structure. */
  n: count,
  /** Cases without the structure in both: correct, but without a Dice. */
  bothEmpty: count,
  /** Cases among the `n` in which one of the two is empty. */
  oneEmpty: count,
  dice: figure,
  p10: figure,
  /** Median 95 % Hausdorff distance, mm. */
  hausdorff95: figure,
  /** Medians, mm³; absent if no volumes were reported. */
  volume: z.strictObject({ truth: z.number(), prediction: z.number() }).optional(),
  /** All predicted volume over all true volume. */
  volumeRatio: z.number().optional(),
});

const figures = z.discriminatedUnion('kind', [landmarkFigures, maskFigures]);

/** One value per point (mm) or per case (Dice), ascending; of many, equally spaced ones with the first and the last. */
const distribution = z.strictObject({
  values: z.array(z.number()),
  /** Values that there are. */
  n: count,
  /** Points that the model did not find, or cases without a value. */
  without: count,
});

const taskResults = z.strictObject({
  task: z.string(),
  all: figures,
  distribution,
  /** By index in `sites`. */
  sites: z.array(z.tuple([count, figures])),
  /** Landmarks only, by index in the task's `classes`. */
  points: z.array(z.tuple([count, figures])),
});

export const resultsSchema = z.strictObject({
  campaign: z.string(),
  /** The cases that were scored. */
  scoredOn: z.enum(['held-out', 'validation']),
  /** A landmark is near enough within this many mm. */
  withinMm: z.number(),
  tasks: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      kind: z.enum(['landmarks', 'segmentation']),
      classes: z.array(z.string()),
    }),
  ),
  /** Sites with scores. */
  sites: z.array(z.strictObject({ id: z.string(), name: z.string() })),
  /** Sites that take part in an evaluation and have no scores in it, and why. */
  missing: z.array(z.strictObject({ site: z.string(), evaluation: z.string(), reason: z.string() })),
  models: z.array(
    z.strictObject({
      name: z.string(),
      /** The stages that trained it. */
      stage: z.string(),
      role: z.enum(['teacher', 'student', 'studentLabelsOnly']).optional(),
      tasks: z.array(taskResults),
    }),
  ),
});

export type Results = z.infer<typeof resultsSchema>;
export type ModelResults = Results['models'][number];
export type TaskResults = z.infer<typeof taskResults>;
export type Figures = z.infer<typeof figures>;
export type Distribution = z.infer<typeof distribution>;
