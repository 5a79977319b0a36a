import { z } from 'zod';

const instant = z.iso.datetime();

export const PHASES = ['uploaded', 'running', 'paused', 'completed', 'failed', 'cancelled', 'unreadable'] as const;

const waitingSchema = z.strictObject({
  stage: z.string(),
  round: z.int(),
  /** Sites that have not answered. Empty if the round is about to close. */
  sites: z.array(z.string()),
  /** The round closes at the latest then. */
  until: instant,
});

const campaignSchema = z.strictObject({
  campaign: z.string(),
  phase: z.enum(PHASES),
  /** Why it failed, was cancelled, is paused or cannot be read. */
  reason: z.string().optional(),
  running: z.array(z.strictObject({ stage: z.string(), round: z.int(), rounds: z.int() })),
  /** Rounds of all stages. */
  rounds: z.strictObject({ done: z.int(), total: z.int() }),
  uploadedAt: instant.optional(),
  plannedAt: instant.optional(),
  endedAt: instant.optional(),
  /** What a running campaign waits for; absent in the overview. */
  waiting: z.array(waitingSchema).optional(),
  /** Estimate for AWS, USD; absent if it cannot be estimated. */
  cost: z.strictObject({ usd: z.number(), usdTotal: z.number() }).optional(),
});

/** `part` is `overview` for what needs no listing of each site's answers: it is there sooner. */
export const campaignsQuerySchema = z.strictObject({ part: z.enum(['overview', 'all']).default('all') });

export const campaignsSchema = z.strictObject({
  campaigns: z.array(campaignSchema),
  /** Why no campaign has a cost, e.g. no federation.json. */
  noCost: z.string().optional(),
});

export type ListedCampaign = z.infer<typeof campaignSchema>;
