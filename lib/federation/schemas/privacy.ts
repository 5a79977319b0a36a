import { z } from 'zod';
import { id, sha256, stageName, version } from './common.ts';

/** Terms of a campaign that protect its sites, and what they cost. See docs/privacy.md. */

const secureAggregationSchema = z.strictObject({
  threshold: z
    .int()
    .min(2)
    .optional()
    .describe(
      'Sites that must answer in every phase of a round, and the fewest updates in a sum: more than half of the sites of the stage. Default: two thirds of them, rounded up, and at least 3.',
    ),
  range: z
    .number()
    .positive()
    .default(1)
    .describe("Largest magnitude of a value in an update's difference from the global model; larger ones are clipped."),
});

const adaptiveClipSchema = z.strictObject({
  quantile: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe('Share of the updates that shall stay below the norm: γ of Andrew et al. 2021.'),
  learningRate: z.number().positive().max(1).default(0.2).describe('Step of the logarithm of the norm in a round: η.'),
});

/** Who adds the noise. */
const NOISES = ['central', 'local', 'distributed'] as const;

const differentialPrivacySchema = z
  .strictObject({
    noise: z
      .enum(NOISES)
      .default('central')
      .describe(
        '`central`: the coordinator, which sees every update, adds the noise to their sum. `local`: every site adds all of the noise to its own update, which protects it from the coordinator too. `distributed`: under secure aggregation every site adds a share of the noise, and the sum, which is all that anybody sees, has all of it, even without the share of one site that knows its own.',
      ),
    unit: z.literal('site').default('site').describe('Unit of privacy: all cases of one site together.'),
    clip: z
      .number()
      .positive()
      .describe(
        "Largest L2 norm of an update's difference from the model that the round started from. A larger difference is scaled down to it.",
      ),
    adaptive: adaptiveClipSchema
      .optional()
      .describe(
        '`clip` is that of the first round of a stage; then it follows a quantile of the norms, for a part of the noise. Central noise only. Default: `clip` stays as it is.',
      ),
    epsilon: z
      .number()
      .positive()
      .optional()
      .describe(
        'ε of the whole campaign: of all rounds of all stages that train. The noise follows from it. The plan fills it in if only `noiseMultiplier` is given.',
      ),
    noiseMultiplier: z
      .number()
      .positive()
      .optional()
      .describe(
        'Standard deviation of the noise in a sum, as a multiple of `clip`; of the noise of each update if it is local. Default: the least that keeps within `epsilon`.',
      ),
    delta: z.number().positive().lt(1).default(1e-5).describe('δ of the whole campaign.'),
    sites: z
      .record(stageName, z.int().positive())
      .optional()
      .describe(
        'By what the sum of the updates is divided, by stage: a number that does not depend on which sites take part. Default: the number of sites that the stage names, or that the federation has when the campaign is planned.',
      ),
  })
  .refine(({ epsilon, noiseMultiplier }) => epsilon !== undefined || noiseMultiplier !== undefined, {
    message: 'give epsilon or noiseMultiplier',
  });

export const privacySchema = z.strictObject({
  secureAggregation: secureAggregationSchema
    .optional()
    .describe('The coordinator learns the sum of the updates only. Default: it sees every update.'),
  differentialPrivacy: differentialPrivacySchema
    .optional()
    .describe('Noise that hides whether a site took part. Default: none.'),
});

/** How the updates of a round are made private: frozen with the round, and sent with each GPU task. */
export const roundPrivacySchema = z.strictObject({
  noise: z.enum(NOISES),
  /** Largest L2 norm of an update's difference. With adaptive clipping that of this round. */
  clip: z.number().positive(),
  /** Standard deviation of the noise as a multiple of `clip`: of the sum, or of each update if it is local. */
  noiseMultiplier: z.number().positive(),
  /** The sum of the differences is divided by this, whoever takes part. */
  sites: z.int().positive(),
  /** Adaptive clipping only: standard deviation of the noise in the count of updates within `clip`. */
  countSigma: z.number().positive().optional(),
});

/** What a site did to an update to make it private. */
export const updatePrivacySchema = z.strictObject({
  /** L2 norm that its difference was scaled down to, if it was larger. */
  clip: z.number().positive(),
  /** Standard deviation of the noise that the site added, as a multiple of `clip`; 0: none. */
  noiseMultiplier: z.number().nonnegative(),
  /** Whether the difference was larger than `clip`. Only with adaptive clipping: the coordinator then counts it, with noise. */
  clipped: z.boolean().optional(),
});

/** How a site trained an update with DP-SGD. */
export const updateDpSgdSchema = z.strictObject({
  clip: z.number().positive(),
  noiseMultiplier: z.number().positive(),
  /** Probability with which a step took a case. */
  rate: z.number().positive().max(1),
  steps: z.int().positive(),
  /** Of all that the site has released for this campaign, for each of its cases, at `delta`. */
  epsilon: z.number().nonnegative(),
  delta: z.number().positive().lt(1),
});

/** The secret from which the coordinator draws the noise of a round. Whoever knows it can subtract the noise. */
export const noiseSchema = z.strictObject({
  schema: version('noise'),
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  /** 32 bytes. */
  seed: z.string().regex(/^[0-9a-f]{64}$/),
});

/** What a round's result reveals, for people and for the next round. */
export const commitPrivacySchema = z.strictObject({
  unit: z.literal('site'),
  clip: z.number().positive(),
  noiseMultiplier: z.number().positive(),
  /** Of the rounds of this stage up to this one, at `delta`. */
  epsilon: z.number().nonnegative(),
  delta: z.number().positive().lt(1),
  /** SHA-256 of noise.json; absent with local noise. */
  seed: sha256.optional(),
  /** The clip of the next round, with adaptive clipping. */
  nextClip: z.number().positive().optional(),
});

/** Privacy terms of a campaign. */
export type Privacy = z.infer<typeof privacySchema>;
export type DifferentialPrivacy = NonNullable<Privacy['differentialPrivacy']>;
export type RoundPrivacy = z.infer<typeof roundPrivacySchema>;
export type UpdatePrivacy = z.infer<typeof updatePrivacySchema>;
export type UpdateDpSgd = z.infer<typeof updateDpSgdSchema>;
/** `noise.json` of a round. */
export type Noise = z.infer<typeof noiseSchema>;
export type CommitPrivacy = z.infer<typeof commitPrivacySchema>;
