import { z } from 'zod';
import { predictionSchema } from './prediction.ts';
import { resultSchema } from './result.ts';

const name = z.string().min(1).max(200);

/** What predicts: the file of a model package, which is sent, or a stage of a campaign. */
const modelSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('file'), file: name }),
  z.strictObject({ kind: z.literal('stage'), campaign: name, stage: name }),
]);

const addedSchema = z.strictObject({
  /** Name of the NIfTI file, or of the folder of DICOM files. */
  ct: name,
  source: z.enum(['nifti', 'dicom']),
  model: modelSchema,
  /** Of all files that will be sent. */
  bytes: z.int().positive(),
});

const nothing = z.strictObject({});

/** Schemas of the routes of `routes.ts`. */
export const PREDICT_SCHEMAS = {
  models: {
    response: z.strictObject({
      models: z.array(z.strictObject({ campaign: z.string(), stage: z.string(), endedAt: z.iso.datetime() })),
    }),
  },
  predictions: {
    query: z.strictObject({
      after: z.coerce.number().int().optional(),
      /** Counts a reader's requests, so that none gets an answer that was kept for an earlier one. */
      asked: z.coerce.number().int().optional(),
    }),
    response: z.strictObject({
      /** To be given as `after`. */
      version: z.int(),
      predictions: z.array(predictionSchema),
    }),
  },
  addPrediction: { request: addedSchema, response: z.strictObject({ prediction: z.string() }) },
  prediction: { response: z.strictObject({ prediction: predictionSchema, result: resultSchema.optional() }) },
  givePrediction: { request: 'bytes', response: nothing },
  startPrediction: { request: nothing, response: nothing },
  cancelPrediction: { request: nothing, response: nothing },
  removePrediction: { response: nothing },
  predictionFile: { response: 'bytes' },
} as const;

export type AddedPrediction = z.infer<typeof addedSchema>;
