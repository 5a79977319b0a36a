import { z } from 'zod';
import { count, federationKey, figures, file, id, sha256, stageName, taskId, time, version } from './common.ts';

/**
 * A model's scores at a site. Every list is sorted on its own, missing values last, so that no two of them can be put
 * together to one patient; no case id leaves the site.
 */
export const scoreSchema = z.strictObject({
  model: z.string(),
  task: taskId,
  /** For landmarks: error of every point of every case in mm, by class; null where the point was missing. */
  errors: z.record(z.string(), z.array(z.number().nullable())).optional(),
  /** For segmentations: Dice of every case; null where truth and prediction are both empty. */
  dice: z.array(z.number().nullable()).optional(),
  /**
   * For segmentations: 95 % Hausdorff distance of every case, mm; null where truth or prediction is empty, so that
   * there is none.
   */
  hausdorff95: z.array(z.number().nullable()).optional(),
  /** For calcification: volumes of every case, mm³, and predicted minus true. */
  volumes: z.strictObject({ truth: z.array(z.number()), prediction: z.array(z.number()) }).optional(),
  volumeErrors: z.array(z.number()).optional(),
});

const differences = z.array(z.number().nullable());

/**
 * Two models on the same held-out cases of a site, first minus second, case by case: one value a case, null where
 * there is no difference to take. Every list is sorted on its own, as in {@link scoreSchema}.
 */
export const scoreComparisonSchema = z.strictObject({
  first: z.string(),
  second: z.string(),
  task: taskId,
  /** For landmarks: share of the case's points within 6 mm. */
  within6mm: differences.optional(),
  /** For landmarks: mean error of the points that both found, mm. */
  error: differences.optional(),
  /** For segmentations. */
  dice: differences.optional(),
});

const updateBase = {
  schema: version('update'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  site: id,
  at: time,
};

/** Metadata of a site's update; its existence makes the update visible. */
export const updateSchema = z.discriminatedUnion('status', [
  z.strictObject({
    ...updateBase,
    status: z.literal('ok'),
    /** What the site trained on or labelled: the weight of its update. */
    samples: z.int().positive(),
    /** The weights beside this object; null for stages that learn nothing. */
    weights: z.strictObject({ ...file.shape, delta: z.boolean() }).nullable(),
    /** SHA-256 of the global model that it started from; null in the first round. */
    base: sha256.nullable(),
    /** Loss and the like, for the learning curve. */
    figures,
    scores: z.array(scoreSchema).optional(),
    comparisons: z.array(scoreComparisonSchema).optional(),
    seconds: z.number().nonnegative(),
    backend: z.string().optional(),
    /** Peak resident memory of the task's process, bytes. */
    peakRss: count.optional(),
  }),
  z.strictObject({ ...updateBase, status: z.literal('failed'), code: z.string(), reason: z.string() }),
]);

/**
 * Why an update's weights can never be merged: not finite, or not what the metadata says. Written once beside the
 * update, so that its site can see it and nobody reads the weights again.
 */
export const refusalSchema = z.strictObject({
  schema: version('refusal'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  site: id,
  at: time,
  /** Key of the update's metadata. */
  update: federationKey,
  reason: z.string(),
});

export type Score = z.infer<typeof scoreSchema>;
export type ScoreComparison = z.infer<typeof scoreComparisonSchema>;
export type Update = z.infer<typeof updateSchema>;
