import { z } from 'zod';
import {
  count,
  federationKey,
  figures,
  file,
  id,
  sha256,
  stageName,
  taskId,
  time,
  validationReport,
  version,
} from './common.ts';
import { updateDpSgdSchema, updatePrivacySchema } from './privacy.ts';
import { maskedMessage } from './secure.ts';

/** Predictions whose confidence lies in one range; see lib/scoring/calibration.ts. */
const calibrationBin = z.strictObject({
  count,
  /** Sum of their confidences. */
  confidence: z.number().nonnegative(),
  correct: count,
});

/**
 * A model's scores at a site. Every list is sorted by itself, missing values last: no case id and no order of cases
 * leaves the site. Volumes alone can be matched with their errors, which are their differences; nothing tells which
 * Dice or which point belongs to them.
 */
export const scoreSchema = z.strictObject({
  model: z.string(),
  task: taskId,
  /** Landmarks only: error of every point of every case, mm, by class; null for a missing point. */
  errors: z.record(z.string(), z.array(z.number().nullable())).optional(),
  /** Segmentations only: Dice of every case; null when truth and prediction are both empty. */
  dice: z.array(z.number().nullable()).optional(),
  /** Segmentations only: 95 % Hausdorff distance of every case, mm; null when truth or prediction is empty. */
  hausdorff95: z.array(z.number().nullable()).optional(),
  /** Calcification only: volumes of every case, mm³; `volumeErrors` is predicted minus true. */
  volumes: z.strictObject({ truth: z.array(z.number()), prediction: z.array(z.number()) }).optional(),
  volumeErrors: z.array(z.number()).optional(),
  /** Calcification only: sum of true volume times error over all cases, mm⁶, from which the error's trend with size follows. */
  volumeErrorByTruth: z.number().optional(),
  /** Calcification only: predicted volumes of the cases whose truth is empty, mm³. */
  falseVolumes: z.array(z.number()).optional(),
  /**
   * Ten bins of confidence. Landmarks: points that truth and prediction have, by the mean probability of the predicted
   * component, correct within 6 mm. Segmentations: voxels that are foreground in truth or prediction, by the
   * probability of the predicted class.
   */
  calibration: z.array(calibrationBin).length(10).optional(),
  /** Thresholds only: cases without a predicted annulus, whose mask is empty. */
  withoutAnnulus: count.optional(),
});

const differences = z.array(z.number().nullable());

/**
 * Two models compared on a site's held-out cases: first minus second, one value per case, null when either value is
 * missing. Every list is sorted by itself, as in {@link scoreSchema}.
 */
export const scoreComparisonSchema = z.strictObject({
  first: z.string(),
  second: z.string(),
  task: taskId,
  /** Landmarks only: share of the case's points within 6 mm. */
  within6mm: differences.optional(),
  /** Landmarks only: mean error of the points that both models found, mm. */
  error: differences.optional(),
  /** Segmentations only. */
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

/** Metadata of a site's update. The update is visible as soon as this object exists. */
export const updateSchema = z.discriminatedUnion('status', [
  z.strictObject({
    ...updateBase,
    status: z.literal('ok'),
    /** Cases that the site trained on, labelled or scored: the weight of its update. */
    samples: z.int().positive(),
    /** The weights next to this object; null for stages without training. */
    weights: z.strictObject({ ...file.shape, delta: z.boolean() }).nullable(),
    /**
     * Of a masked update. Its weights are words of 32 bits that mean nothing alone, `samples` are those of the cohort, and there are
     * no figures.
     */
    secure: maskedMessage.optional(),
    /** SHA-256 of the global model that the site started from; null in the first round. */
    base: sha256.nullable(),
    /** SHA-256 of the consent under which the site publishes this; absent in updates of earlier releases. */
    consent: sha256.optional(),
    /** Figures such as the loss, for the learning curve. */
    figures,
    /** Mean loss of the model that the round started from over the site's validation cases. */
    validation: validationReport.optional(),
    /** Absent unless the round's terms have `privacy`. */
    privacy: updatePrivacySchema.optional(),
    /** Absent unless the stage trains with it. */
    dpSgd: updateDpSgdSchema.optional(),
    scores: z.array(scoreSchema).optional(),
    comparisons: z.array(scoreComparisonSchema).optional(),
    seconds: z.number().nonnegative(),
    backend: z.string().optional(),
    /** Peak resident memory of the GPU task's process, bytes. */
    peakRss: count.optional(),
  }),
  z.strictObject({ ...updateBase, status: z.literal('failed'), code: z.string(), reason: z.string() }),
]);

/**
 * The reason why an update can never be merged, such as weights that are not finite or differ from the metadata. Written
 * once next to the update: the site can read it, and the weights are not read again.
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
export type CalibrationBin = z.infer<typeof calibrationBin>;
export type ScoreComparison = z.infer<typeof scoreComparisonSchema>;
/** An update's metadata, or the reason why a site has none. */
export type Update = z.infer<typeof updateSchema>;
/** `refusal.json` beside an update. */
export type Refusal = z.infer<typeof refusalSchema>;
