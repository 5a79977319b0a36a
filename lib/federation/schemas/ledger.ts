import { z } from 'zod';
import { id, stageName, time, version } from './common.ts';

const shortDigest = z.string().regex(/^[0-9a-f]{16}$/);

/** What an update of a site reveals: a sum, clipped to a norm, with Gaussian noise. */
const releaseSchema = z.strictObject({
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
  at: time,
  /**
   * Digest that tells two releases of one round apart: of the campaign's plan and, if the site adds noise itself, of the update
   * before it. A task that is restarted and finds another update has released twice.
   */
  of: shortDigest,
  /** Digests of the campaign's plan and of the model that the round begins with: a site trains a round of a plan from one model. */
  plan: shortDigest.optional(),
  base: shortDigest.optional(),
  /** `site`: it hides whether the site took part, and so each of its cases. `case`: it hides single cases. */
  unit: z.enum(['site', 'case']),
  /** Standard deviation of the noise, as a multiple of the norm. */
  noise: z.number().positive(),
  /** Probability with which a unit took part in each of the sums. */
  rate: z.number().positive().max(1),
  /** Number of sums. */
  count: z.int().positive(),
});

/** All that a site has released with noise, over all campaigns. It is only ever added to. */
export const ledgerSchema = z.strictObject({
  schema: version('privacy-ledger'),
  site: id,
  releases: z.array(releaseSchema),
});

/** The secret from which a site draws noise and samples cases. Whoever knows it can subtract the noise. */
export const privacySecretSchema = z.strictObject({
  schema: version('privacy-secret'),
  site: id,
  /** 32 bytes. */
  secret: z.string().regex(/^[0-9a-f]{64}$/),
});

export type Release = z.infer<typeof releaseSchema>;
/** `privacy/ledger.json` of a site. */
export type Ledger = z.infer<typeof ledgerSchema>;
