import { z } from 'zod';
import { stageSchema } from '../stages/kinds.ts';
import {
  count,
  federationKey,
  figures,
  file,
  id,
  sha256,
  stageName,
  time,
  validationReport,
  version,
} from './common.ts';
import { commitPrivacySchema, roundPrivacySchema } from './privacy.ts';

/** The terms of a round: frozen with it, and sent with each GPU task. */
export const terms = {
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  deadline: time,
  /** The stage as it was planned. */
  config: stageSchema,
  seed: z.int(),
  /** The model that the round starts from; null in a stage's first round. `state` belongs to the server optimiser. */
  base: z.strictObject({ commit: sha256, ...file.shape, state: file.nullable() }).nullable(),
  /** The cohort whose updates are added up masked, by the SHA-256 of cohort.json. Absent without secure aggregation. */
  secure: z.strictObject({ cohort: sha256, attempt: z.int().positive(), threshold: z.int().positive() }).optional(),
  /** Absent without differential privacy, and in a round that publishes no weights. */
  privacy: roundPrivacySchema.optional(),
};

/** What validation has found of a stage's models, up to the one that a round started from. */
const validationSchema = z.strictObject({
  /** The model that the round started from, by the round that made it; null if no site has scored it. */
  scored: z
    .strictObject({
      round: z.int().positive(),
      /** Pooled over the sites. */
      loss: z.number(),
      cases: z.int().positive(),
      sites: z.int().positive(),
    })
    .nullable(),
  /** The best of the scored models; null if none was scored. */
  best: z.strictObject({ round: z.int().positive(), loss: z.number(), global: file }).nullable(),
  /** Number of models scored after the best one. */
  stale: count,
  /** Whether the stage trains no further: its last round follows. */
  stops: z.boolean(),
});

/** A round's terms, participants and quorum. */
export const openSchema = z.strictObject({
  schema: version('open'),
  ...terms,
  participants: z
    .array(
      z.strictObject({
        site: id,
        /** Cases of the site that the stage can use, an upper bound. */
        samples: z.int().positive(),
        /** ETag of the site's summary that `samples` is computed from. */
        summary: z.string(),
        /** The site's consent when the round opened, by ETag and SHA-256; absent if it had not answered. */
        consent: z.strictObject({ etag: z.string(), sha256 }).optional(),
      }),
    )
    .min(1),
  /** Number of updates that close the round. */
  quorum: z.int().positive(),
  /** SHA-256 of the previous link in the campaign's chain: the base commit, or the plan. */
  previous: sha256,
  /** What validation had found before the round, as in the previous commit. */
  validation: validationSchema.optional(),
});

const sealedUpdate = z.strictObject({
  site: id,
  /** Key of the update's metadata; `sha256` is the metadata's too. */
  key: federationKey,
  sha256,
  samples: z.int().positive(),
  weights: file.nullable(),
  /** As in the update, if the stage validates. */
  validation: validationReport.optional(),
  /** Of a masked update: what its own mask is known by before it is opened. */
  commitment: sha256.optional(),
  /** As in the update, with adaptive clipping. */
  clipped: z.boolean().optional(),
});

/** The frozen list of the updates that a round merges, sorted by site. All were verified as usable. */
export const sealSchema = z.strictObject({
  schema: version('seal'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  open: sha256,
  updates: z.array(sealedUpdate).min(1),
  /**
   * Updates of the round before that came after its seal, and are merged here with `aggregation.lateFactor`, sorted by site. A
   * site may have one here and one in `updates`.
   */
  late: z.array(sealedUpdate.omit({ validation: true, commitment: true, clipped: true })).optional(),
  /** The sum of the masked updates. Absent without secure aggregation. */
  sum: file.optional(),
  /** Answers that are not merged: failed GPU tasks and refused updates. */
  failed: z.array(z.strictObject({ site: id, key: federationKey, reason: z.string() })),
});

/** When a round's GPU task messages were last sent, and to which sites. */
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
  /** SHA-256 of seal.json, which lists the inputs. */
  seal: sha256,
  /** SHA-256 of the previous link in the chain, as in open.json. */
  previous: sha256,
  /** Sum over the merged updates of the round itself. */
  samples: z.int().positive(),
  sites: z.array(id).min(1),
  global: file.nullable(),
  /** The server optimiser's moments after this round; null for a strategy without moments. */
  state: file.nullable(),
  figures,
  /** SHA-256 of opened.json, by which the masks were removed. Absent without secure aggregation. */
  opened: sha256.optional(),
  /**
   * The L2 norm of each update's difference, and the factor at most 1 that it was scaled with; of all sealed updates. Absent
   * unless `aggregation.clipFactor` is set.
   */
  norms: z
    .array(
      z.strictObject({
        site: id,
        norm: z.number().nonnegative(),
        factor: z.number().nonnegative().max(1),
        /** The update is one of the round before. */
        late: z.literal(true).optional(),
      }),
    )
    .optional(),
  /** What validation has found after the round. Absent if the stage does not validate, and in its first round. */
  validation: validationSchema.optional(),
  /** Absent without differential privacy. */
  privacy: commitPrivacySchema.optional(),
});

/**
 * The model that a round published, for sites: their GPU tasks read it instead of the commit, which says who took part.
 * Absent for a stage without training.
 */
export const mergedSchema = z.strictObject({
  schema: version('merged'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  global: file,
});

/** The process that is merging a round. It only avoids duplicate work: correctness does not depend on it. */
export const leaseSchema = z.strictObject({ schema: version('lease'), holder: z.string(), until: time });

/** `open.json` of a round. */
export type Open = z.infer<typeof openSchema>;
/** `seal.json` of a round. */
export type Seal = z.infer<typeof sealSchema>;
/** `commit.json` of a round. */
export type Commit = z.infer<typeof commitSchema>;
export type Lease = z.infer<typeof leaseSchema>;
export type StoredFile = z.infer<typeof file>;
