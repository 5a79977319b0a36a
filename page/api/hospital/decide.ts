import { z } from 'zod';
import { instant } from './common.ts';
import {
  CONSENT_STATES,
  CONTENTS,
  DECIDER_LENGTH,
  DECISION_REASON_LENGTH,
  DECISIONS,
  MOST_MINIMUM_CASES,
  SCORE_LIMITS,
} from './names.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const stageSchema = z.strictObject({
  stage: z.string(),
  kind: z.string(),
  tasks: z.array(z.strictObject({ task: z.string(), title: z.string() })),
  /** Answers of this site, at most. */
  rounds: z.int(),
  /** Own cases that it can use; undefined without counts of this site. */
  cases: z.int().optional(),
  /** Whether the plan asks other sites only. */
  isForOthers: z.boolean(),
  /** What an answer contains, as the site's limits let it leave. */
  contents: z.array(
    z.strictObject({
      content: z.enum(CONTENTS),
      /** Fewest cases behind it: a score is a mean of as many. Absent: it leaves for every number of cases. */
      minimum: z.int().optional(),
      /** Whether it does not leave, because the site has fewer cases. */
      isWithheld: z.boolean().optional(),
    }),
  ),
  /** Patterns of the keys below which they are stored in the federation bucket. */
  keys: z.array(z.string()),
  /** Patterns of the parameters that stay at the site. */
  stays: z.array(z.string()),
});

/** The site's answer to a campaign, and what it lets leave. */
export const siteConsentSchema = z.strictObject({
  state: z.enum(CONSENT_STATES),
  by: z.string(),
  at: instant,
  until: instant.optional(),
  reason: z.string().optional(),
  scores: z.enum(SCORE_LIMITS),
  figures: z.boolean(),
  minimumCases: z.int(),
});

/** What a person decides. What is left out stays as the site's policy has it. */
export const decisionSchema = z.strictObject({
  state: z.enum(DECISIONS),
  /** The plan that the person was shown. If there is another one by now, nothing is agreed to. */
  plan: sha256.optional(),
  by: z.string().min(1).max(DECIDER_LENGTH),
  reason: z.string().max(DECISION_REASON_LENGTH).optional(),
  scores: z.enum(SCORE_LIMITS).optional(),
  figures: z.boolean().optional(),
  minimumCases: z.int().min(1).max(MOST_MINIMUM_CASES).optional(),
});

export const askedCampaignSchema = z.strictObject({
  campaign: z.string(),
  /** `unknown`: the viewer may not see whether it has ended. */
  phase: z.enum(['running', 'paused', 'ended', 'unknown']),
  plannedAt: instant.optional(),
  /** SHA-256 of the plan that is shown here; absent if it cannot be shown. */
  plan: sha256.optional(),
  /** As the campaign states it. */
  purpose: z.string().optional(),
  /** Absent if the viewer may not see it. */
  consent: siteConsentSchema.optional(),
  /** Whether the coordinator sees the sum of all updates only. */
  isSecure: z.boolean().optional(),
  /** ε of the whole campaign, if it adds noise. */
  epsilon: z.number().optional(),
  /** Objects that this site has sent for it. */
  sent: z.int(),
  stages: z.array(stageSchema),
  /** Why the plan's authors were warned. */
  warnings: z.array(z.string()),
  /** Why the plan cannot be shown. */
  unreadable: z.strictObject({ message: z.string(), hint: z.string().optional() }).optional(),
});

export const askedCampaignsSchema = z.strictObject({
  campaigns: z.array(askedCampaignSchema),
  /** Training and held-out cases of this site that the federation knows; undefined before the first. */
  counts: z.strictObject({ training: z.int(), evaluation: z.int(), at: instant }).optional(),
  /** What rounds with noise have cost, over all campaigns; undefined if the viewer may not see it. */
  privacy: z
    .strictObject({
      /** ε at `delta` of all releases together. */
      spent: z.number(),
      /** The largest that the site's policy lets them reach. */
      budget: z.number().optional(),
      delta: z.number(),
      releases: z.int(),
    })
    .optional(),
});

export type SiteConsent = z.infer<typeof siteConsentSchema>;
export type AskedCampaigns = z.infer<typeof askedCampaignsSchema>;
export type AskedCampaign = z.infer<typeof askedCampaignSchema>;
