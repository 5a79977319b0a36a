import { z } from 'zod';
import { PHASES } from './campaigns.ts';

const instant = z.iso.datetime();
const usd = z.number();

export const queuesSchema = z.strictObject({
  queues: z.array(
    z.strictObject({
      queue: z.string(),
      /** Absent for a queue of the coordinator. */
      site: z.string().optional(),
      /** The function that consumes it. */
      handler: z.string(),
      /** Messages that wait, and that are being worked on; approximate. */
      waiting: z.int().optional(),
      inFlight: z.int().optional(),
      /** Messages that failed five times. */
      letters: z.int().optional(),
      /** Why the numbers are not known. */
      problem: z.string().optional(),
    }),
  ),
});

const queueName = z.string().min(1).max(80);

export const lettersQuerySchema = z.strictObject({ queue: queueName });

export const lettersSchema = z.strictObject({
  /** The first ones. */
  letters: z.array(z.strictObject({ id: z.string(), about: z.string(), body: z.string() })),
});

export const redriveSchema = z.strictObject({ queue: queueName });

export const redrivenSchema = z.strictObject({
  sent: z.int(),
  /** Messages with the content of one that was sent: copies, or failed again. They stay. */
  cameBack: z.int(),
});

export const failuresSchema = z.strictObject({
  /** Campaigns that were looked at: those that run, and the last ones that ended. */
  campaigns: z.array(z.string()),
  failures: z.array(
    z.strictObject({
      campaign: z.string(),
      stage: z.string(),
      round: z.int(),
      site: z.string(),
      /** `refused`: its update could never be merged. */
      state: z.enum(['failed', 'refused', 'no data']),
      reason: z.string(),
      /** When the round opened. */
      openedAt: instant,
    }),
  ),
  /** Failures that are not listed. */
  more: z.int(),
});

export const releasesSchema = z.strictObject({
  /** Release that serves the page. */
  own: z.string(),
  sites: z.array(
    z.strictObject({
      site: z.string(),
      name: z.string(),
      /** Absent if it was not recorded, as by releases before 0.2. */
      release: z.string().optional(),
      /** When the site has counted its cases last; absent if it never has. */
      at: instant.optional(),
      /** Why its counts cannot be read. */
      problem: z.string().optional(),
    }),
  ),
});

const line = z.strictObject({ what: z.string(), quantity: z.number(), unit: z.string(), usd });

export const forecastSchema = z.strictObject({
  /** Why nothing can be estimated, such as without federation.json. */
  noCost: z.string().optional(),
  estimate: z
    .strictObject({
      /** Of the prices. */
      region: z.string(),
      asOf: z.string(),
      casesPerSite: z.number(),
      caseMegabytes: z.number(),
      /** A month without a campaign. */
      idle: z.strictObject({ usd, lines: z.array(line) }),
      campaigns: z.array(z.strictObject({ campaign: z.string(), phase: z.enum(PHASES), usd, usdTotal: usd })),
    })
    .optional(),
});

export type QueueState = z.infer<typeof queuesSchema>['queues'][number];
export type Failure = z.infer<typeof failuresSchema>['failures'][number];
export type SiteRelease = z.infer<typeof releasesSchema>['sites'][number];
export type Forecast = NonNullable<z.infer<typeof forecastSchema>['estimate']>;
