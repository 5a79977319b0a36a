import { z } from 'zod';
import { count, id, perTask, sha256, siteKey, taskId, time, version } from './common.ts';

const position = z.tuple([z.number(), z.number(), z.number()]);
const affine = z.array(z.array(z.number()).length(4)).length(4);
const use = z.enum(['training', 'evaluation']);

const imageEntrySchema = z.strictObject({
  key: siteKey,
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

const labelEntrySchema = z.strictObject({
  key: siteKey,
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
    .array(z.strictObject({ key: siteKey, code: z.string(), reason: z.string(), hint: z.string().optional() }))
    .min(1),
});

/** Which case has an image content, by the version of its image that holds it. */
export const contentSchema = z.strictObject({
  schema: version('content'),
  case: z.string(),
  key: siteKey,
  etag: z.string(),
});

export const pseudoLabelReportSchema = z.strictObject({
  schema: version('pseudo-label'),
  campaign: id,
  task: taskId,
  case: z.string(),
  /** SHA-256 of the CT that was labelled, as in its catalog entry: for another under the same name it says nothing. */
  image: sha256,
  /** SHA-256 of the teacher's global model. */
  teacher: sha256,
  /** Mean softmax probability over the predicted foreground; 0 when nothing was found. */
  confidence: z.number(),
  checks: z.array(z.strictObject({ name: z.string(), passed: z.boolean(), detail: z.string().optional() })),
  accepted: z.boolean(),
  /** For landmark tasks: where the points are (RAS, mm); null where one is missing. The class map is for people to look at. */
  landmarks: z.array(z.strictObject({ label: z.int().positive(), position: position.nullable() })).optional(),
  /** Where the box of the teacher's probabilities lies, where there is one: voxel to world (RAS), mm. */
  soft: z.strictObject({ affine }).optional(),
});

export type ImageEntry = z.infer<typeof imageEntrySchema>;
export type LabelEntry = z.infer<typeof labelEntrySchema>;
export type CatalogEntry = z.infer<typeof catalogSchema>;
export type Rejected = z.infer<typeof rejectedSchema>;
export type PseudoLabelReport = z.infer<typeof pseudoLabelReportSchema>;
