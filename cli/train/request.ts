import { z } from 'zod';

/** What is trained: stored with the run, so that it is resumed with the same data. */
export const requestSchema = z.strictObject({
  sites: z.array(z.strictObject({ id: z.string(), dir: z.string() })).min(1),
  /** Path of a campaign.json; null to choose the stages from the labels. */
  campaign: z.string().nullable(),
  /** Path of a federation.json with tasks and names of sites; null for the default tasks. */
  federation: z.string().nullable(),
  /** Number of sites that one folder is dealt out to; null for a site per folder. */
  simulateSites: z.int().min(1).nullable(),
  /** Share of the labelled cases that is held out. */
  heldOut: z.number().min(0).lt(1),
  seed: z.int().nonnegative(),
  quick: z.boolean(),
});

export type TrainRequest = z.infer<typeof requestSchema>;
