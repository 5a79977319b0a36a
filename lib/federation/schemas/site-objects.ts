import { z } from 'zod';
import {
  count,
  federationKey,
  file,
  id,
  perTask,
  sha256,
  siteKey,
  stageName,
  taskId,
  time,
  version,
} from './common.ts';

const position = z.tuple([z.number(), z.number(), z.number()]);
const affine = z.array(z.array(z.number()).length(4)).length(4);
const use = z.enum(['training', 'evaluation']);

const imageEntrySchema = z.strictObject({
  key: siteKey,
  etag: z.string(),
  bytes: count,
  /** SHA-256 of the voxels as stored. */
  sha256,
  /** Fingerprint of the HU, however they are stored. Absent in entries of earlier releases. */
  content: sha256.optional(),
  /** Coarse picture by which intake finds other images of the same scan. Absent for a CT that is too small. */
  sketch: z.base64().max(2_000).optional(),
  /** Number of voxels along the file's x, y and z axes. */
  shape: z.tuple([count, count, count]),
  spacing: z.tuple([z.number(), z.number(), z.number()]),
  /** Voxel to world (RAS), mm, row by row. */
  affine,
  /** Orientation of the voxel axes, e.g. "LPS". */
  orientation: z.string().length(3),
  /** Lowest and highest value, HU. */
  range: z.tuple([z.number(), z.number()]),
});

const labelEntrySchema = z.strictObject({
  key: siteKey,
  etag: z.string(),
  format: z.enum(['class-map', 'markups']),
  /** Number of voxels (class map) or points (markups) of each class, by class number. */
  classes: z.record(z.string(), count),
});

/** The usable files of a case, as intake found them. */
export const catalogSchema = z.strictObject({
  schema: version('catalog'),
  site: id,
  case: z.string(),
  use,
  at: time,
  image: imageEntrySchema,
  labels: perTask(labelEntrySchema),
});

/** The unusable files of a case, with reasons for the person who uploaded them. */
export const rejectedSchema = z.strictObject({
  schema: version('rejected'),
  site: id,
  case: z.string(),
  at: time,
  objects: z
    .array(z.strictObject({ key: siteKey, code: z.string(), reason: z.string(), hint: z.string().optional() }))
    .min(1),
});

/** The case whose image has this content, and the version of that image. */
export const contentSchema = z.strictObject({
  schema: version('content'),
  case: z.string(),
  key: siteKey,
  etag: z.string(),
});

/** What the last rescan of a site found up to date. */
export const examinedSchema = z.strictObject({
  schema: version('examined'),
  site: id,
  at: time,
  /** Digests of a case's listed objects and of intake's documents about it, which agreed. */
  settled: z.array(z.string()),
  /** The same for cases that are rejected as duplicates: settled only while this version of the other image is stored. */
  duplicates: z.array(z.strictObject({ digest: z.string(), key: siteKey, etag: z.string() })),
});

/** A case was withdrawn. Its name is only in the key, as a hash: it may be what had to be withdrawn. */
export const withdrawnSchema = z.strictObject({
  schema: version('withdrawn'),
  site: id,
  at: time,
  /** Random id of the notice to the federation, so that a notice tells nothing of the case's name. */
  notice: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
});

/** What left the site for a round. Written before it leaves. */
export const sentBySiteSchema = z.strictObject({
  schema: version('sent-by-site'),
  site: id,
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  /** Kind of the stage, such as `teacher`. */
  kind: z.string(),
  /** Weights in the federation bucket; null for a stage without training, and for a failure. */
  weights: file.nullable(),
  /** Key of the update's metadata, and its length. */
  update: z.strictObject({ key: federationKey, bytes: count }),
  /** Number of cases that the update counts; absent for a failure. */
  samples: count.optional(),
  /** Lists of scores that the metadata holds. */
  scores: count,
  /** Of a failure. */
  failure: z.strictObject({ code: z.string(), reason: z.string() }).optional(),
});

export const pseudoLabelReportSchema = z.strictObject({
  schema: version('pseudo-label'),
  campaign: id,
  task: taskId,
  case: z.string(),
  /** SHA-256 of the labelled CT, as in its catalog entry. The pseudo-label does not apply to another CT of that name. */
  image: sha256,
  /** SHA-256 of the teacher's global model. */
  teacher: sha256,
  /**
   * Digest of what the pseudo-label was made from and by: CT, plan, release, weights of this site. A restarted GPU task keeps the
   * pseudo-label if it is the same. Releases up to 0.1.0 wrote none.
   */
  terms: sha256.optional(),
  /** Mean softmax probability over the predicted foreground; 0 when nothing was found. */
  confidence: z.number(),
  checks: z.array(z.strictObject({ name: z.string(), passed: z.boolean(), detail: z.string().optional() })),
  accepted: z.boolean(),
  /** Landmark tasks only: positions (RAS, mm), null for a missing point. The class map is only for viewing. */
  landmarks: z.array(z.strictObject({ label: z.int().positive(), position: position.nullable() })).optional(),
  /** Position of the box of the teacher's probabilities, if kept: voxel to world (RAS), mm. */
  soft: z.strictObject({ affine }).optional(),
});

export type ImageEntry = z.infer<typeof imageEntrySchema>;
export type LabelEntry = z.infer<typeof labelEntrySchema>;
/** `catalog/<case>.json` of a site: a case that can be used. */
export type CatalogEntry = z.infer<typeof catalogSchema>;
/** `rejected/<case>.json` of a site: the faults of a case. */
export type Rejected = z.infer<typeof rejectedSchema>;
/** `rescan/examined.json` of a site. */
export type Examined = z.infer<typeof examinedSchema>;
/** `sent/<campaign>/<stage>/<round>.json` of a site. */
export type SentBySite = z.infer<typeof sentBySiteSchema>;
export type PseudoLabelReport = z.infer<typeof pseudoLabelReportSchema>;
