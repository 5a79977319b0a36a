import { z } from 'zod';
import { PHASES } from './campaigns.ts';
import { CELL_STATES, type CellState } from './cells.ts';
import { CONSENT_STATES } from './hospital/names.ts';
import { REASON_LENGTH } from './limits.ts';

const instant = z.iso.datetime();
/** Index in `sites`. */
const siteIndex = z.int().nonnegative();

/** The letter of each state in `cells`. */
const letters = Object.values(CELL_STATES satisfies Readonly<Record<CellState, string>>).join('');

const roundSchema = z.strictObject({
  round: z.int(),
  phase: z.enum(['open', 'sealed', 'committed']),
  openedAt: instant,
  /** The round closes at the latest then; moved by pauses. */
  deadline: instant,
  committedAt: instant.optional(),
  quorum: z.int(),
  /** State of each of `sites`, a letter each: compact, because a campaign may have 1,000 sites and 50 rounds. */
  cells: z.string().regex(new RegExp(`^[${letters}]*$`)),
  /** Share of the participants' cases that the merged sites hold, 0 to 1; absent until the round is committed. */
  caseShare: z.number().optional(),
  /**
   * Sites that are not merged as they sent it: their share of the round's cases, null if they do not take part, and the
   * index of the reason in `reasons`.
   */
  notes: z.array(z.tuple([siteIndex, z.number().nullable(), z.int().nonnegative()])),
  /** Sites whose late update of the round before is merged in this one. */
  mergedLate: z.array(siteIndex),
  /** Mean training loss over the merged sites. */
  loss: z.number().optional(),
  /** Loss of the model of an earlier round over the sites' validation cases. */
  validation: z.strictObject({ round: z.int(), loss: z.number(), cases: z.int(), sites: z.int() }).optional(),
});

const stageSchema = z.strictObject({
  name: z.string(),
  /** `control`: a student that learns from labels alone. */
  kind: z.enum(['teacher', 'pseudo-label', 'student', 'control', 'probe', 'evaluate']),
  phase: z.enum(['waiting', 'running', 'completed']),
  /** Number of the last round. A completed stage with fewer rounds stopped early. */
  total: z.int(),
  /** Committed rounds, also where `rounds` is empty. */
  done: z.int(),
  /** Stages that must complete before this one opens. */
  after: z.array(z.string()),
  /** Data that a site must have to take part, such as "training cases with calcification labels". */
  need: z.string(),
  /** Round of the model with the lowest validation loss, if the stage validates. */
  best: z.int().optional(),
  rounds: z.array(roundSchema),
});

export const campaignSchema = z.strictObject({
  campaign: z.string(),
  phase: z.enum(PHASES),
  /** Why it failed, was cancelled or is paused. */
  reason: z.string().optional(),
  plannedAt: instant.optional(),
  endedAt: instant.optional(),
  /** Why the campaign cannot tolerate one malicious site. */
  warnings: z.array(z.string()),
  /** Sites whose training and held-out CTs may be parts of one scan. */
  suspected: z.array(z.strictObject({ site: z.string(), pairs: z.int() })),
  /** What sites have answered to the campaign; who is missing has not been asked. */
  consents: z.array(z.strictObject({ site: z.string(), state: z.enum(CONSENT_STATES) })),
  /** Committed rounds that learnt from cases which were withdrawn since, and the number of these cases. */
  withdrawn: z.array(z.strictObject({ stage: z.string(), round: z.int(), cases: z.int() })),
  pauses: z.array(z.strictObject({ from: instant, until: instant.nullable(), reason: z.string().optional() })),
  /** Those of the federation, and others that take part. */
  sites: z.array(z.string()),
  /** Why sites are not merged as they sent their updates. */
  reasons: z.array(z.string()),
  stages: z.array(stageSchema),
});

/**
 * `part` is `overview` for the stages without their rounds, which takes three documents; `sealed` for what needs no listing of
 * each site's answers. Both are there sooner than `all`.
 */
export const campaignQuerySchema = z.strictObject({ part: z.enum(['overview', 'sealed', 'all']).default('all') });

export type CampaignView = z.infer<typeof campaignSchema>;
export type StageView = CampaignView['stages'][number];
export type RoundView = StageView['rounds'][number];

export const controlSchema = z.strictObject({
  action: z.enum(['pause', 'resume', 'cancel']),
  reason: z.string().trim().min(1).max(REASON_LENGTH).optional(),
});

export const controlledSchema = z.strictObject({
  phase: z.enum(['running', 'paused', 'completed', 'failed', 'cancelled']),
});

export const curvesQuerySchema = z.strictObject({
  stage: z.string().max(200),
  /** Site ids with commas; without it, those with the most cases. */
  sites: z.string().max(4000).optional(),
});

export const curvesSchema = z.strictObject({
  stage: z.string(),
  /** Committed rounds, ascending. */
  rounds: z.array(z.int()),
  /** Mean over the merged sites, weighted by their cases. */
  mean: z.array(z.number().nullable()),
  /** Over all sites' validation cases, at the round whose model was scored. */
  validation: z.array(z.number().nullable()),
  /** Merged sites and their cases in each round. */
  support: z.array(z.strictObject({ sites: z.int(), cases: z.int() })),
  /** Sites with a merged update in the stage. */
  merged: z.int(),
  sites: z.array(
    z.strictObject({
      site: z.string(),
      loss: z.array(z.number().nullable()),
      /** Cases that the update counted. */
      cases: z.array(z.int().nullable()),
      /** Loss of the model that the round started from over the site's validation cases. */
      validation: z.array(z.number().nullable()),
    }),
  ),
});

export type Curves = z.infer<typeof curvesSchema>;
