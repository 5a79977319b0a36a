import { z } from 'zod';

const unetSchema = z.strictObject({
  kind: z.literal('unet'),
  /** Features of each resolution stage, finest first. Each further stage halves the grid. */
  features: z.array(z.int().positive()).min(2),
  /** Supervise the coarser decoder stages too, each with half the weight of the finer. */
  deepSupervision: z.boolean().default(true),
});

const swinUnetrSchema = z.strictObject({
  kind: z.literal('swin-unetr'),
  /** Embedding width of the first stage; doubles with every stage. */
  featureSize: z.int().positive(),
  depths: z.array(z.int().positive()).min(1).default([2, 2, 2, 2]),
  heads: z.array(z.int().positive()).min(1).default([3, 6, 12, 24]),
  /** Side of the attention windows, in tokens. */
  window: z.int().positive().default(7),
});

export const modelSchema = z.discriminatedUnion('kind', [unetSchema, swinUnetrSchema]);

export const trainingSchema = z.strictObject({
  /** Side of the training patches in voxels, and their isotropic spacing in mm. */
  patch: z.int().positive().default(32),
  spacing: z.number().positive().default(3),
  /**
   * Side in mm of the cube about the heart that CTs are cut to along the axes on which they are longer, and null for whole
   * CTs. A CT in which no heart is found stays whole.
   */
  heartCrop: z.number().positive().nullable().default(256),
  batch: z.int().positive().default(1),
  /** Batches whose mean gradient makes one step: as a batch so many times as large, in the memory of one. */
  accumulate: z.int().positive().default(1),
  /** Optimiser steps of one site in one round. */
  steps: z.int().positive(),
  learningRate: z.number().positive(),
  weightDecay: z.number().nonnegative().default(1e-5),
  /** Steps of linear warm-up at the start of the stage; a cosine over all its rounds follows. */
  warmup: z.int().nonnegative().default(10),
  gradientClip: z.number().positive().default(1),
  /** Keep AdamW's moments at the site between the rounds, instead of starting each round from zero. */
  keepOptimizer: z.boolean().default(true),
  augment: z.boolean().default(true),
  /** Weight of a foreground voxel in the cross-entropy, that of the background being 1. Above 10, masks grow too large. */
  foregroundWeight: z.number().positive().default(1),
  /**
   * How the heads' losses add up: as they are, or so that every class counts alike. A head's loss is a mean over its
   * classes, so that as they are, calcium's one class weighs as much as five landmarks together.
   */
  headWeights: z.enum(['equal', 'classes']).default('equal'),
  /**
   * FedProx: μ of the loss's term (μ/2)·‖w − global‖² that holds a site near the model that the round starts from; 0 for
   * none. It spares what stays at the site.
   */
  proximal: z.number().nonnegative().default(0),
  /**
   * FedBN: parameters that stay at their site and are neither sent nor merged, by patterns of their whole names in which
   * `*` stands for anything: `*norm*` for the normalisation layers of both networks.
   */
  localParameters: z.array(z.string().min(1)).default([]),
  /**
   * How often a task keeps where it is within the round, in its site's own bucket, seconds: what it loses at most when
   * it is killed. A shorter round never does.
   */
  checkpointSeconds: z.number().positive().default(300),
});

/** How a round closes. Counts and shares are of the round's participants. */
export const quorumSchema = z.strictObject({
  minSites: z.int().positive().default(1),
  minFraction: z.number().positive().max(1).default(1),
  /** After this many seconds the round closes with what has come, or fails below `minSites`. */
  deadlineSeconds: z
    .number()
    .positive()
    .max(365 * 86_400)
    .default(86_400),
  /** How long a round with quorum still waits for the others, in seconds. */
  closeAfterQuorumSeconds: z.number().nonnegative().default(0),
});

/** How a site's weights travel. Merging is done in float64 whatever they travel as. */
export const encodingSchema = z.strictObject({
  /** Half floats halve the transfer. F16 has three more bits of precision, BF16 the range of F32. */
  dtype: z.enum(['F32', 'F16', 'BF16']).default('F32'),
  /** Send the difference to the round's global model. In a stage's first round, which has none, whole weights. */
  delta: z.boolean().default(false),
});

/** What every strategy knows. */
const anyStrategy = {
  /**
   * L2 norm to which an update's difference from the global model is scaled down where it is larger. In a stage's first
   * round, which has no model to differ from, nothing is.
   */
  clipNorm: z.number().positive().optional(),
  /**
   * What counts of parameters that a site had nothing to train with, as heads of tasks that it has no target for:
   * `average` takes them as they are, as federated averaging does, so that they hold such a head back; with `skip` a
   * parameter is merged of the sites that trained it.
   */
  untrained: z.enum(['average', 'skip']).default('average'),
  /** A larger file of weights is refused, bytes. */
  maxUpdateBytes: z
    .int()
    .positive()
    .default(4 * 2 ** 30),
};
const rate = z.number().min(0).lt(1);
const adaptive = {
  ...anyStrategy,
  learningRate: z.number().positive().default(0.01),
  beta1: rate.default(0.9),
  beta2: rate.default(0.99),
  /** Degree of adaptivity, τ in Reddi et al. 2021. */
  epsilon: z.number().positive().default(1e-3),
};
/** Updates that may be arbitrary without harm. A round with fewer than `2 × byzantine + 3` updates fails. */
const byzantine = z.int().nonnegative().default(1);

/** How a round's updates become one model. */
export const aggregationSchema = z.discriminatedUnion('strategy', [
  z.strictObject({ strategy: z.literal('fedavg'), ...anyStrategy }),
  z.strictObject({
    strategy: z.literal('fedavgm'),
    ...anyStrategy,
    learningRate: z.number().positive().default(1),
    momentum: rate.default(0.9),
  }),
  z.strictObject({ strategy: z.literal('fedadam'), ...adaptive }),
  z.strictObject({ strategy: z.literal('fedyogi'), ...adaptive }),
  z.strictObject({ strategy: z.literal('median'), ...anyStrategy }),
  z.strictObject({
    strategy: z.literal('trimmed-mean'),
    ...anyStrategy,
    /** Share of the values that is left out at either end, rounded down to whole ones. */
    trim: z.number().min(0).lt(0.5).default(0.1),
  }),
  z.strictObject({ strategy: z.literal('krum'), ...anyStrategy, byzantine }),
  z.strictObject({
    strategy: z.literal('multi-krum'),
    ...anyStrategy,
    byzantine,
    /** Updates that are averaged, at most and without it all but `byzantine` and two. */
    keep: z.int().positive().optional(),
  }),
]);

export type ModelConfig = z.infer<typeof modelSchema>;
export type UNetConfig = z.infer<typeof unetSchema>;
export type SwinUnetrConfig = z.infer<typeof swinUnetrSchema>;
export type TrainingConfig = z.infer<typeof trainingSchema>;
export type Quorum = z.infer<typeof quorumSchema>;
export type Encoding = z.infer<typeof encodingSchema>;
export type Aggregation = z.infer<typeof aggregationSchema>;
