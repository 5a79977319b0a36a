import { z } from 'zod';

const position = z.array(z.number()).length(3);

const markSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['cross', 'ring']), x: z.number(), y: z.number(), title: z.string() }),
  z.strictObject({ kind: z.literal('outline'), path: z.string() }),
]);

const pictureSchema = z.strictObject({
  cut: z.enum(['axial', 'coronal', 'sagittal']),
  width: z.int(),
  height: z.int(),
  /** Grey PNG in base64. */
  png: z.base64(),
  marks: z.array(markSchema),
});

const figureSchema = z.strictObject({
  title: z.string(),
  /** Of a point (RAS, mm). */
  position: position.optional(),
  /** None if it was not found. */
  cuts: z.array(pictureSchema),
});

const taskSchema = z.strictObject({
  task: z.string(),
  title: z.string(),
  kind: z.enum(['landmarks', 'segmentation']),
  confidence: z.number(),
  volumeMm3: z.number().optional(),
  doubts: z.array(z.string()),
  /** Class map on the grid of the CT, and what its values are. */
  map: z.string(),
  classes: z.array(z.strictObject({ label: z.int(), title: z.string() })),
  figures: z.array(figureSchema),
});

const ctSchema = z.strictObject({
  /** Start of the names of its files. */
  name: z.string(),
  /** The CT as NIfTI, among the files. */
  ct: z.string(),
  measurements: z.array(
    z.strictObject({
      id: z.string(),
      title: z.string(),
      unit: z.enum(['mm', 'mm³']),
      value: z.number().nullable(),
      reason: z.string().optional(),
      doubts: z.array(z.string()),
    }),
  ),
  tasks: z.array(taskSchema),
});

/** What was found, and how to get it. */
export const resultSchema = z.strictObject({
  /** Tensor backend. */
  backend: z.string(),
  /** Release, model and purpose. */
  origin: z.string(),
  trainedOnPhantoms: z.boolean(),
  cts: z.array(ctSchema),
  /** CTs that could not be used. */
  failed: z.array(z.strictObject({ ct: z.string(), reason: z.string() })),
  files: z.array(z.strictObject({ file: z.string(), bytes: z.int() })),
});

export type PredictionResult = z.infer<typeof resultSchema>;
export type ResultFigure = z.infer<typeof figureSchema>;
export type ResultTask = z.infer<typeof taskSchema>;
export type ResultCt = z.infer<typeof ctSchema>;
