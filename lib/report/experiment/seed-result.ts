import { z } from 'zod';
import { perTask } from '../../federation/schemas/common.ts';
import { scoreComparisonSchema, scoreSchema } from '../../federation/schemas/update.ts';

const counts = perTask(z.int().nonnegative());

/** The results of one seed of an experiment: the raw figures of every table and drawing. */
export const seedResultSchema = z.strictObject({
  schema: z.literal('fedcardio.experiment/1'),
  profile: z.string(),
  seed: z.int(),
  /** Commit of the source; "unknown" outside a repository. */
  commit: z.string(),
  createdAt: z.string(),
  backend: z.string(),
  wallSeconds: z.number(),
  peakRssMB: z.number(),
  /** What the networks' voxels leave of the held-out masks of calcium; earlier results lack it. */
  ceiling: z
    .strictObject({
      /** Side of the voxels, mm. */
      spacing: z.number(),
      /** Median over the masks. */
      dice: z.number(),
      /** All volume that remains over all true volume. */
      volume: z.number(),
    })
    .optional(),
  sites: z.array(
    z.strictObject({ id: z.string(), name: z.string(), training: z.int(), evaluation: z.int(), labelled: counts }),
  ),
  stages: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      participants: z.array(z.string()),
      /** Sample-weighted mean loss of every round; empty for stages without training. */
      losses: z.array(z.number()),
      /** Seconds of work, summed over sites and rounds. */
      seconds: z.number(),
    }),
  ),
  /** Pseudo-labels by stage and task: how many cases lacked a label, and how many were accepted. */
  pseudoLabels: z.record(z.string(), z.strictObject({ unlabelled: counts, accepted: counts })),
  /** By site. Lists are sorted and rounded to four decimals. */
  scores: z.record(z.string(), z.array(scoreSchema)),
  comparisons: z.record(z.string(), z.array(scoreComparisonSchema)),
});

export type SeedResult = z.infer<typeof seedResultSchema>;
