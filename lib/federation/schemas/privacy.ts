import { z } from 'zod';

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

const differentialPrivacySchema = z
  .strictObject({
    noise: z
      .enum(['central', 'local'])
      .default('central')
      .describe(
        '`central`: the coordinator adds the noise to the sum, or all sites together under secure aggregation. `local`: every site adds all of the noise to its own update, which protects it from the coordinator too.',
      ),
    unit: z.literal('site').default('site').describe('Unit of privacy: all cases of one site together.'),
    clip: z.number().positive().describe("Largest L2 norm of an update's difference from the global model."),
    epsilon: z
      .number()
      .positive()
      .optional()
      .describe('ε of the whole campaign, from which the noise follows. Give this or `noiseMultiplier`.'),
    noiseMultiplier: z
      .number()
      .positive()
      .optional()
      .describe(
        'Standard deviation of the noise as a multiple of `clip`. Filled in by the plan if `epsilon` is given.',
      ),
    delta: z.number().positive().lt(1).default(1e-5).describe('δ of the whole campaign.'),
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

/** Privacy terms of a campaign. */
export type Privacy = z.infer<typeof privacySchema>;
