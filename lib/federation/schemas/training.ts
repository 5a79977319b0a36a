import { z } from 'zod';
import { algorithmSchema } from './algorithm.ts';
import { intensitySchema } from './intensity.ts';
import { taskId } from './task.ts';

export const trainingSchema = z.strictObject({
  patch: z.int().positive().default(32).describe('Side of the training patches, in voxels.'),
  spacing: z.number().positive().default(3).describe('Isotropic spacing of the training patches, in mm.'),
  heartCrop: z
    .number()
    .positive()
    .nullable()
    .default(256)
    .describe(
      'Side, in mm, of the cube around the heart to which a CT is cropped, along each axis on which the CT is longer. `null`: no crop. A CT in which no heart is found is not cropped.',
    ),
  intensity: intensitySchema
    .optional()
    .describe(
      'How the values of an image become the input of the network. Default: what the tasks of the stage recommend, or else, for a CT with contrast in HU, `{ "low": -200, "high": 1300, "mean": 125, "deviation": 220 }`. A probe has that of the stage that it probes.',
    ),
  batch: z.int().positive().default(1).describe('Patches in a batch.'),
  accumulate: z
    .int()
    .positive()
    .default(1)
    .describe('Batches whose mean gradient makes one step: the effect of a larger batch in the memory of one.'),
  steps: z.int().positive().describe('Optimiser steps of one site in one round.'),
  secondsBudget: z
    .number()
    .positive()
    .optional()
    .describe(
      'Seconds of training after which a site ends its round, at the end of a step and after one step at least: a slow site then sends what it has, instead of missing the deadline. Its weight in the average stays its number of cases. Ditto spends half of the seconds on the personal model. Default: every site makes all `steps`.',
    ),
  learningRate: z.number().positive().describe('Peak learning rate of AdamW.'),
  weightDecay: z.number().nonnegative().default(1e-5).describe('Weight decay of AdamW.'),
  warmup: z
    .int()
    .nonnegative()
    .default(10)
    .describe('Steps of linear warm-up at the start of the stage. A cosine over all rounds of the stage follows.'),
  gradientClip: z.number().positive().default(1).describe('L2 norm that the gradient is clipped to.'),
  keepOptimizer: z
    .boolean()
    .default(true)
    .describe("Keep AdamW's moments at the site between rounds, instead of starting each round from zero."),
  augment: z.boolean().default(true).describe('Augment patches at random.'),
  foregroundWeight: z
    .number()
    .positive()
    .default(1)
    .describe(
      'Weight of a foreground voxel in the cross-entropy; a background voxel has weight 1. Above 10, masks grow too large.',
    ),
  headWeights: z
    .enum(['equal', 'classes'])
    .default('equal')
    .describe(
      "How the losses of the heads add up. A head's loss is a mean over its classes: with `equal`, calcium's one class weighs as much as five landmarks together; with `classes`, every class has the same weight.",
    ),
  heads: z
    .record(
      taskId,
      z.strictObject({
        foregroundWeight: z.number().positive().optional().describe('`foregroundWeight` of this head alone.'),
        weight: z
          .number()
          .positive()
          .optional()
          .describe("Weight of this head's loss in the sum, instead of the one that `headWeights` gives it."),
      }),
    )
    .optional()
    .describe(
      'Loss of single heads, by task. Landmarks tolerate masks that are too large, calcium does not: they need different weights.',
    ),
  proximal: z
    .number()
    .nonnegative()
    .default(0)
    .describe(
      "FedProx: μ of the loss's term (μ/2)·‖w − global‖², which keeps a site near the model that the round starts from. 0: no such term. Parameters that stay at the site are exempt.",
    ),
  localParameters: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'FedBN: parameters that stay at their site and are neither sent nor merged, by patterns of their whole names; `*` matches anything. `*norm*` matches the normalisation layers of both networks.',
    ),
  algorithm: algorithmSchema
    .optional()
    .describe('How a site trains, if not by federated averaging alone: SCAFFOLD, FedPer or Ditto.'),
  dpSgd: z
    .strictObject({
      clip: z.number().positive().describe("L2 norm that a case's gradient is clipped to."),
      noiseMultiplier: z
        .number()
        .positive()
        .describe('Standard deviation of the noise in the sum of the gradients, as a multiple of `clip`.'),
      delta: z.number().positive().lt(1).default(1e-5).describe('δ at which a site reports its ε.'),
    })
    .optional()
    .describe(
      'DP-SGD (Abadi et al. 2016): the gradient of every case is clipped, and their sum gets noise, so that no single case shows in the update. A step takes every case with the same probability, one patch each, `batch` · `accumulate` of them on average. Default: none.',
    ),
  checkpointSeconds: z
    .number()
    .positive()
    .default(300)
    .describe(
      "Seconds between the checkpoints that a GPU task writes within a round, into its own site's bucket: at most this much work is lost when the GPU task is killed. A shorter round writes none.",
    ),
});

/** How a stage judges its models on the sites' validation cases. */
export const validateSchema = z.strictObject({
  keep: z
    .enum(['best', 'last'])
    .default('best')
    .describe(
      'The model that the stage leaves: that of the round with the lowest validation loss, or that of the last round.',
    ),
  patience: z
    .int()
    .positive()
    .optional()
    .describe(
      'The stage stops once so many models in a row were no better than the best one before. Default: it trains all `rounds`.',
    ),
  minDelta: z
    .number()
    .nonnegative()
    .default(0)
    .describe('A model counts as better only if its loss is lower by more than this.'),
});

/** How a round closes. Counts and shares are of the round's participants. */
export const quorumSchema = z.strictObject({
  minSites: z.int().positive().default(1).describe('Fewest updates that close a round.'),
  minFraction: z
    .number()
    .positive()
    .max(1)
    .default(1)
    .describe("Smallest share of the round's participants whose updates close it."),
  deadlineSeconds: z
    .number()
    .positive()
    .max(365 * 86_400)
    .default(86_400)
    .describe('Seconds after which the round closes with the updates it has, or fails with fewer than `minSites`.'),
  closeAfterQuorumSeconds: z
    .number()
    .nonnegative()
    .default(0)
    .describe('Seconds that a round with quorum still waits for the other sites.'),
});

/** How a site's weights are sent. They are merged in float64 whatever the encoding. */
export const encodingSchema = z.strictObject({
  dtype: z
    .enum(['F32', 'F16', 'BF16'])
    .default('F32')
    .describe(
      'Type of the values. F16 and BF16 halve the transfer; F16 has three more bits of precision, BF16 the range of F32.',
    ),
  delta: z
    .boolean()
    .default(false)
    .describe(
      "Send the difference from the round's global model. The first round of a stage, which has none, sends whole weights.",
    ),
});

export type TrainingConfig = z.infer<typeof trainingSchema>;
export type Quorum = z.infer<typeof quorumSchema>;
export type Encoding = z.infer<typeof encodingSchema>;
