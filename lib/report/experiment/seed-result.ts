import { z } from 'zod';
import { perTask } from '../../federation/schemas/common.ts';
import { scoreComparisonSchema, scoreSchema } from '../../federation/schemas/update.ts';

const counts = perTask(z.int().nonnegative());

/** What one seed of an experiment came to: the raw figures that every table and drawing is made of. */
export const seedResultSchema = z.strictObject({
  schema: z.literal('fedcardio.experiment/1'),
  profile: z.string(),
  seed: z.int(),
  /** Of the repository that made it; "unknown" outside of one. */
  commit: z.string(),
  createdAt: z.string(),
  backend: z.string(),
  wallSeconds: z.number(),
  peakRssMB: z.number(),
  sites: z.array(
    z.strictObject({ id: z.string(), name: z.string(), training: z.int(), evaluation: z.int(), labelled: counts }),
  ),
  stages: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.string(),
      participants: z.array(z.string()),
      /** Sample-weighted mean loss of every round; empty for stages that learn nothing. */
      losses: z.array(z.number()),
      /** Seconds of work, summed over sites and rounds. */
      seconds: z.number(),
    }),
  ),
  /** Pseudo-labels by stage and task: how many were wanted and how many accepted. */
  pseudoLabels: z.record(z.string(), z.strictObject({ unlabelled: counts, accepted: counts })),
  /** By site; lists are sorted and rounded to a ten-thousandth. */
  scores: z.record(z.string(), z.array(scoreSchema)),
  comparisons: z.record(z.string(), z.array(scoreComparisonSchema)),
});

export type SeedResult = z.infer<typeof seedResultSchema>;
