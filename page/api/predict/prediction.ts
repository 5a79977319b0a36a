import { z } from 'zod';

const PREDICTION_PHASES = ['receiving', 'waiting', 'running', 'done', 'failed', 'cancelled'] as const;

/** A CT, a model, and how far their prediction is. */
export const predictionSchema = z.strictObject({
  prediction: z.string(),
  ct: z.string(),
  source: z.enum(['nifti', 'dicom']),
  /** Campaign and stage, or the file of a package. */
  model: z.string(),
  at: z.iso.datetime(),
  phase: z.enum(PREDICTION_PHASES),
  /** Windows of the CT that are done. A DICOM folder may hold several CTs, counted from 1. */
  progress: z.strictObject({ ct: z.int(), cts: z.int(), done: z.int(), total: z.int() }).optional(),
  error: z.strictObject({ message: z.string(), hint: z.string().optional() }).optional(),
});

export type Prediction = z.infer<typeof predictionSchema>;
