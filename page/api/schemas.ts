import type { z } from 'zod';
import {
  campaignQuerySchema,
  campaignSchema,
  controlledSchema,
  controlSchema,
  curvesQuerySchema,
  curvesSchema,
} from './campaign.ts';
import { campaignsQuerySchema, campaignsSchema } from './campaigns.ts';
import { chainSchema, documentQuerySchema } from './chain.ts';
import { HOSPITAL_SCHEMAS } from './hospital/schemas.ts';
import {
  failuresSchema,
  forecastSchema,
  lettersQuerySchema,
  lettersSchema,
  queuesSchema,
  redrivenSchema,
  redriveSchema,
  releasesSchema,
} from './operations.ts';
import { PREDICT_SCHEMAS } from './predict/schemas.ts';
import { resultsSchema } from './results.ts';
import type { RouteName } from './routes.ts';
import { sessionSchema } from './session.ts';

/** Raw bytes instead of JSON. */
export const BYTES = 'bytes';

/** What a route takes and gives. */
interface RouteSchemas {
  /** Body of the request, JSON or raw bytes; absent for none. */
  readonly request?: z.ZodType | typeof BYTES;
  /** Keys of the query string, whose values are texts; absent for none. */
  readonly query?: z.ZodType<Readonly<Record<string, unknown>>>;
  readonly response: z.ZodType | typeof BYTES;
}

export const SCHEMAS = {
  session: { response: sessionSchema },
  campaigns: { query: campaignsQuerySchema, response: campaignsSchema },
  campaign: { query: campaignQuerySchema, response: campaignSchema },
  curves: { query: curvesQuerySchema, response: curvesSchema },
  controlCampaign: { request: controlSchema, response: controlledSchema },
  results: { response: resultsSchema },
  chain: { response: chainSchema },
  document: { query: documentQuerySchema, response: BYTES },
  queues: { response: queuesSchema },
  letters: { query: lettersQuerySchema, response: lettersSchema },
  redrive: { request: redriveSchema, response: redrivenSchema },
  failures: { response: failuresSchema },
  releases: { response: releasesSchema },
  forecast: { response: forecastSchema },
  ...HOSPITAL_SCHEMAS,
  ...PREDICT_SCHEMAS,
} as const satisfies Readonly<Record<RouteName, RouteSchemas>>;

type Schemas = typeof SCHEMAS;

/** What a schema gives, or `Raw` for bytes. */
type Given<S, Raw> = S extends z.ZodType ? z.output<S> : Raw;
type Taken<S, Raw> = S extends z.ZodType ? z.input<S> : S extends typeof BYTES ? Raw : undefined;

/** Response of a route. `Raw` is what the side that asks has for bytes. */
export type ResponseOf<N extends RouteName, Raw> = Given<Schemas[N]['response'], Raw>;
/** Body that a route takes; undefined for none. */
export type RequestOf<N extends RouteName, Raw> = Schemas[N] extends { readonly request: infer S }
  ? Taken<S, Raw>
  : undefined;
/** Query of a route as the page gives it; undefined for none. */
export type QueryOf<N extends RouteName> = Schemas[N] extends { readonly query: infer S extends z.ZodType }
  ? z.input<S>
  : undefined;
/** Query of a route as its handler gets it. */
export type ParsedQueryOf<N extends RouteName> = Schemas[N] extends { readonly query: infer S extends z.ZodType }
  ? z.output<S>
  : undefined;
