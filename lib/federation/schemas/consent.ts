import { z } from 'zod';
import { id, sha256, stageName, taskId, time, version } from './common.ts';
import { privacySchema } from './privacy.ts';

/** Limits that a site sets on what leaves it. Part of its policy and of each of its consents. */
export const limitsSchema = z.strictObject({
  /**
   * Scores of held-out cases. `cases`: a value for each case. `aggregates`: each value is the mean of at least `minimumCases`
   * cases. `none`: none.
   */
  scores: z.enum(['cases', 'aggregates', 'none']).default('aggregates'),
  /** Figures such as the mean loss. */
  figures: z.boolean().default(true),
  /** Fewest cases behind any figure, and behind any score unless `scores` is `cases`. */
  minimumCases: z.int().min(1).max(1000).default(5),
  /** Largest ε over all campaigns, at this δ. A round that would exceed it is refused. Absent: no budget. */
  budget: z.strictObject({ epsilon: z.number().positive(), delta: z.number().positive().lt(1) }).optional(),
});

/** Rules for `standing` consent: a campaign that meets all of them is agreed to without asking. */
export const rulesSchema = z.strictObject({
  /** Tasks that may be learnt; absent: any. */
  tasks: z.array(taskId).min(1).optional(),
  /** Most rounds of any stage; absent: any number. */
  maxRounds: z.int().positive().optional(),
  /** Protection that the campaign must have. */
  requires: z.array(z.enum(['secureAggregation', 'differentialPrivacy'])).optional(),
});

/** How a site decides on campaigns. Without this document, a site is asked. */
export const policySchema = z.strictObject({
  schema: version('policy'),
  site: id,
  /** `standing`: agree if the rules are met, otherwise ask. `ask`: ask a person. `never`: decline. */
  mode: z.enum(['standing', 'ask', 'never']),
  rules: rulesSchema.default({}),
  limits: limitsSchema.prefault({}),
  /** Days after which a consent ends; absent: never. */
  days: z.int().positive().optional(),
  by: z.string().min(1).max(200),
  at: time,
});

/** What a campaign asks of a site, derived from its plan. */
export const termsSchema = z.strictObject({
  /** As the campaign states it; null if it does not. */
  purpose: z.string().nullable(),
  stages: z.array(
    z.strictObject({
      name: stageName,
      kind: z.string(),
      tasks: z.array(taskId),
      rounds: z.int().positive(),
      /** What an update of this stage contains beside counts. */
      leaves: z.array(z.enum(['weights', 'figures', 'scores'])),
    }),
  ),
  privacy: privacySchema.nullable(),
});

/**
 * A site's answer to a campaign. The document in the site's own bucket decides; the same bytes in the federation bucket tell the
 * coordinator.
 */
export const consentSchema = z.strictObject({
  schema: version('consent'),
  site: id,
  campaign: id,
  /** SHA-256 of plan.json. A consent to another plan does not count. */
  plan: sha256,
  /** `asked`: nobody has answered yet. `withdrawn`: agreed before; from now on nothing more is started or sent. */
  state: z.enum(['asked', 'agreed', 'declined', 'withdrawn']),
  at: time,
  /** Who answered, as the person wrote it, or `policy`. */
  by: z.string().min(1).max(200),
  reason: z.string().max(500).optional(),
  terms: termsSchema,
  limits: limitsSchema,
  /** The consent ends then; null: never. */
  until: time.nullable(),
});

/** `policy.json` of a site. */
export type Policy = z.infer<typeof policySchema>;
/** `consents/<campaign>.json` of a site. */
export type Consent = z.infer<typeof consentSchema>;
export type ConsentTerms = z.infer<typeof termsSchema>;
export type ConsentLimits = z.infer<typeof limitsSchema>;
