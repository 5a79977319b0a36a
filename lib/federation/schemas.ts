import { z } from 'zod';
import { TASK_IDS } from './tasks.ts';

/**
 * Every JSON object and queue message of fedcardio. Objects carry `schema` ("name/version"); examples of all of
 * them are in `docs/events/` and parsed by a test. Times are ISO 8601 in UTC, lengths mm, intensities HU.
 */

const version = <N extends string>(name: N) => z.literal(`fedcardio.${name}/1` as const);
const time = z.iso.datetime();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
const count = z.int().nonnegative();
const taskId = z.enum(TASK_IDS);
/** Ids become parts of bucket names and keys. */
const id = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'expected 1 to 40 of a-z, 0-9 and -, not starting or ending with -');
const stageName = z.string().regex(/^[a-z0-9-]+(?:\/[a-z0-9-]+)?$/);
const perTask = <T extends z.ZodType>(value: T) => z.partialRecord(taskId, value);

// ── configuration ────────────────────────────────────────────────────────────────────────────────────────────

export const siteSchema = z.strictObject({ id, name: z.string().min(1) });

export const federationSchema = z
  .strictObject({
    schema: version('federation'),
    id,
    sites: z.array(siteSchema).min(1),
  })
  .superRefine((federation, context) => {
    const seen = new Set<string>();
    federation.sites.forEach((site, index) => {
      if (seen.has(site.id)) {
        context.addIssue({
          code: 'custom',
          path: ['sites', index, 'id'],
          message: `site id "${site.id}" is used twice`,
        });
      }
      seen.add(site.id);
    });
  });

export const unetSchema = z.strictObject({
  kind: z.literal('unet'),
  /** Features of each resolution stage, finest first. Each further stage halves the grid. */
  features: z.array(z.int().positive()).min(2),
  /** Supervise the coarser decoder stages too, each with half the weight of the finer. */
  deepSupervision: z.boolean().default(true),
});

export const swinUnetrSchema = z.strictObject({
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
  batch: z.int().positive().default(1),
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

export const aggregationSchema = z.discriminatedUnion('strategy', [z.strictObject({ strategy: z.literal('fedavg') })]);

const stageBase = {
  name: stageName,
  /** Stages that must have completed before this one opens. */
  after: z.array(stageName).default([]),
  quorum: quorumSchema.prefault({}),
};
const rounds = z.int().positive();
const learnt = {
  rounds,
  model: modelSchema,
  training: trainingSchema,
  aggregation: aggregationSchema.prefault({ strategy: 'fedavg' }),
};

export const teacherStageSchema = z.strictObject({ kind: z.literal('teacher'), ...stageBase, task: taskId, ...learnt });

export const pseudoLabelStageSchema = z.strictObject({
  kind: z.literal('pseudo-label'),
  ...stageBase,
  /** The teacher stages whose final models label what lacks a label. */
  teachers: z.array(stageName).min(1),
  filter: z
    .strictObject({
      /** Mean softmax probability over the predicted foreground, below which a pseudo-label is not used. */
      minConfidence: z.number().min(0).max(1).default(0.5),
      /** All landmarks found, one component each, distances within the anatomical range. */
      plausibility: z.boolean().default(true),
    })
    .prefault({}),
});

export const studentStageSchema = z.strictObject({
  kind: z.literal('student'),
  ...stageBase,
  tasks: z.array(taskId).min(1),
  /** The stage whose pseudo-labels stand in where there is no label; without it, labels alone. */
  pseudoLabels: stageName.optional(),
  ...learnt,
});

export const evaluateStageSchema = z.strictObject({
  kind: z.literal('evaluate'),
  ...stageBase,
  /** Name in the report → stage whose final model is scored at every site. */
  models: z.record(z.string(), stageName),
  /** Model of `models` whose predictions are written as NIfTI into the site's bucket. */
  predictions: z.string().optional(),
});

export const stageSchema = z.discriminatedUnion('kind', [
  teacherStageSchema,
  pseudoLabelStageSchema,
  studentStageSchema,
  evaluateStageSchema,
]);

/** What a researcher uploads to start a campaign. */
export const campaignSchema = z
  .strictObject({ schema: version('campaign'), id, seed: z.int().default(0), stages: z.array(stageSchema).min(1) })
  .superRefine((campaign, context) => {
    const earlier = new Set<string>();
    campaign.stages.forEach((stage, index) => {
      const complain = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['stages', index, path], message });
      if (earlier.has(stage.name)) complain('name', `stage name "${stage.name}" is used twice`);
      for (const [path, names] of Object.entries(stageReferences(stage))) {
        for (const name of names) {
          if (!earlier.has(name)) complain(path, `"${name}" is not an earlier stage of this campaign`);
        }
      }
      earlier.add(stage.name);
    });
  });

/** The stages that a stage waits for, by the field that names them. */
export function stageReferences(stage: z.infer<typeof stageSchema>): Readonly<Record<string, readonly string[]>> {
  return {
    after: stage.after,
    ...(stage.kind === 'pseudo-label' ? { teachers: stage.teachers } : {}),
    ...(stage.kind === 'student' && stage.pseudoLabels !== undefined ? { pseudoLabels: [stage.pseudoLabels] } : {}),
    ...(stage.kind === 'evaluate' ? { models: Object.values(stage.models) } : {}),
  };
}

// ── objects in a site bucket ─────────────────────────────────────────────────────────────────────────────────

const affine = z.array(z.array(z.number()).length(4)).length(4);
const use = z.enum(['training', 'evaluation']);

export const imageEntrySchema = z.strictObject({
  key: z.string(),
  etag: z.string(),
  bytes: count,
  sha256,
  /** Voxels along x, y and z of the file. */
  shape: z.tuple([count, count, count]),
  spacing: z.tuple([z.number(), z.number(), z.number()]),
  /** Voxel to world (RAS), row by row, mm. */
  affine,
  /** Orientation of the voxel axes, e.g. "LPS". */
  orientation: z.string().length(3),
  /** Lowest and highest value, HU. */
  range: z.tuple([z.number(), z.number()]),
});

export const labelEntrySchema = z.strictObject({
  key: z.string(),
  etag: z.string(),
  format: z.enum(['class-map', 'markups']),
  /** Voxels (class map) or points (markups) of each class, by its number. */
  classes: z.record(z.string(), count),
});

/** What intake found good about a case. */
export const catalogSchema = z.strictObject({
  schema: version('catalog'),
  site: id,
  case: z.string(),
  use,
  at: time,
  image: imageEntrySchema,
  labels: perTask(labelEntrySchema),
});

/** What intake found wrong with a case, in words for the one who uploaded it. */
export const rejectedSchema = z.strictObject({
  schema: version('rejected'),
  site: id,
  case: z.string(),
  at: time,
  objects: z
    .array(z.strictObject({ key: z.string(), code: z.string(), reason: z.string(), hint: z.string().optional() }))
    .min(1),
});

export const contentSchema = z.strictObject({ schema: version('content'), case: z.string(), key: z.string() });

export const pseudoLabelReportSchema = z.strictObject({
  schema: version('pseudo-label'),
  campaign: id,
  task: taskId,
  case: z.string(),
  /** SHA-256 of the teacher's weights. */
  teacher: sha256,
  /** Mean softmax probability over the predicted foreground; 0 when nothing was found. */
  confidence: z.number(),
  checks: z.array(z.strictObject({ name: z.string(), passed: z.boolean(), detail: z.string().optional() })),
  accepted: z.boolean(),
});

// ── objects in the federation bucket ─────────────────────────────────────────────────────────────────────────

/** Counts only: nothing of one patient. */
export const summarySchema = z.strictObject({
  schema: version('summary'),
  site: id,
  at: time,
  cases: z.strictObject({ training: count, evaluation: count, rejected: count }),
  /** Training cases with a label of the task. */
  labelled: perTask(count),
  /** Held-out cases with a label of the task. */
  labelledEvaluation: perTask(count),
});

/** The campaign with every default filled in: what runs, whatever is uploaded to `campaign.json` later. */
export const planSchema = z.strictObject({
  schema: version('plan'),
  campaign: campaignSchema,
  /** SHA-256 of the campaign.json that was planned. */
  source: sha256,
  sites: z.array(id).min(1),
  at: time,
});

/** A round's frozen terms. */
export const openSchema = z.strictObject({
  schema: version('open'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  deadline: time,
  participants: z.array(id).min(1),
  /** Updates that close the round. */
  quorum: z.int().positive(),
  /** The commit that the round starts from; null for the first round of a stage. */
  base: z.strictObject({ commit: sha256, key: z.string(), sha256 }).nullable(),
  /** SHA-256 of the campaign's previous link in the chain: the base commit, or the plan. */
  previous: sha256,
});

const figures = z.record(z.string(), z.number());

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
  /** For calcification: predicted minus true volume of every case, mm³. */
  volumeErrors: z.array(z.number()).optional(),
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
    weights: z.strictObject({ key: z.string(), sha256, bytes: count }).nullable(),
    /** SHA-256 of the global model that it started from; null in the first round. */
    base: sha256.nullable(),
    /** Loss and the like, for the learning curve. */
    figures,
    scores: z.array(scoreSchema).optional(),
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
  update: z.string(),
  reason: z.string(),
});

/** The frozen list of the updates that a round merges, sorted by site. All of them have been found usable. */
export const sealSchema = z.strictObject({
  schema: version('seal'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  open: sha256,
  updates: z
    .array(
      z.strictObject({
        site: id,
        /** Key and SHA-256 of the update's metadata. */
        key: z.string(),
        sha256,
        samples: z.int().positive(),
        weights: z.strictObject({ key: z.string(), sha256, bytes: count }).nullable(),
      }),
    )
    .min(1),
  /** Answers that are not merged: tasks that failed and updates that were refused. */
  failed: z.array(z.strictObject({ site: id, key: z.string(), reason: z.string() })),
});

/** When a round's task messages were last sent, and to whom. */
export const sentSchema = z.strictObject({
  schema: version('sent'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  sites: z.array(id),
});

/** The published result of a round. */
export const commitSchema = z.strictObject({
  schema: version('commit'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  /** SHA-256 of seal.json, which names the inputs. */
  seal: sha256,
  /** SHA-256 of the link before: see open.json. */
  previous: sha256,
  /** Of the updates that were merged, and their sites. */
  samples: z.int().positive(),
  sites: z.array(id).min(1),
  global: z.strictObject({ key: z.string(), sha256, bytes: count }).nullable(),
  figures,
});

export const outcomeSchema = z.strictObject({
  schema: version('outcome'),
  /** As in the key; of a campaign that was refused it need not be a valid id. */
  campaign: z.string(),
  status: z.enum(['completed', 'failed']),
  reason: z.string().optional(),
  at: time,
});

// ── queue messages ───────────────────────────────────────────────────────────────────────────────────────────

/** Starts one GPU task at one site. Everything else it needs is in the plan and in open.json. */
export const taskMessageSchema = z.strictObject({
  schema: version('task'),
  federation: id,
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  site: id,
});

/** The part of S3's event notification that is relied on. Keys are URL-encoded, with + for space. */
export const s3EventSchema = z.union([
  z.object({ Event: z.literal('s3:TestEvent') }),
  z.object({
    Records: z.array(
      z.object({
        eventVersion: z.string().regex(/^2\./),
        eventName: z.string(),
        eventTime: z.string(),
        s3: z.object({
          bucket: z.object({ name: z.string() }),
          object: z.object({ key: z.string(), size: z.number().optional(), eTag: z.string().optional() }),
        }),
      }),
    ),
  }),
]);

export type Site = z.infer<typeof siteSchema>;
export type Federation = z.infer<typeof federationSchema>;
export type ModelConfig = z.infer<typeof modelSchema>;
export type UNetConfig = z.infer<typeof unetSchema>;
export type SwinUnetrConfig = z.infer<typeof swinUnetrSchema>;
export type TrainingConfig = z.infer<typeof trainingSchema>;
export type Quorum = z.infer<typeof quorumSchema>;
export type Aggregation = z.infer<typeof aggregationSchema>;
export type Campaign = z.infer<typeof campaignSchema>;
export type CampaignInput = z.input<typeof campaignSchema>;
export type Stage = z.infer<typeof stageSchema>;
export type TeacherStage = z.infer<typeof teacherStageSchema>;
export type PseudoLabelStage = z.infer<typeof pseudoLabelStageSchema>;
export type StudentStage = z.infer<typeof studentStageSchema>;
export type EvaluateStage = z.infer<typeof evaluateStageSchema>;
export type ImageEntry = z.infer<typeof imageEntrySchema>;
export type LabelEntry = z.infer<typeof labelEntrySchema>;
export type CatalogEntry = z.infer<typeof catalogSchema>;
export type Rejected = z.infer<typeof rejectedSchema>;
export type PseudoLabelReport = z.infer<typeof pseudoLabelReportSchema>;
export type Summary = z.infer<typeof summarySchema>;
export type Plan = z.infer<typeof planSchema>;
export type Open = z.infer<typeof openSchema>;
export type Score = z.infer<typeof scoreSchema>;
export type Update = z.infer<typeof updateSchema>;
export type Refusal = z.infer<typeof refusalSchema>;
export type Seal = z.infer<typeof sealSchema>;
export type Sent = z.infer<typeof sentSchema>;
export type Commit = z.infer<typeof commitSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
export type TaskMessage = z.infer<typeof taskMessageSchema>;
export type S3Event = z.infer<typeof s3EventSchema>;
