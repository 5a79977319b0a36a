import { HOSPITAL_ROUTES } from './hospital/routes.ts';
import { PREDICT_ROUTES } from './predict/routes.ts';

/**
 * The routes of the HTTP API, below `api/v1`. Without schemas, so that the page does not load a validator: those are in
 * `schemas.ts`, and handlers in `cli/page/handlers`. The compiler demands both for each route.
 */

/** Who looks: the coordinator of a federation, or one hospital. */
export const ROLES = ['coordinator', 'site'] as const;
export type Role = (typeof ROLES)[number];

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `api/v1`; `{name}` is one segment, given in `params`. */
  readonly path: `/${string}`;
  readonly roles: readonly Role[];
  /** For the API's description. */
  readonly summary: string;
}

export const ROUTES = {
  session: {
    method: 'GET',
    path: '/session',
    roles: ['coordinator', 'site'],
    summary: 'Who looks at what, and what the viewer may do.',
  },
  campaigns: {
    method: 'GET',
    path: '/campaigns',
    roles: ['coordinator'],
    summary: 'All campaigns: state, stages, progress, what they wait for, cost so far.',
  },
  campaign: {
    method: 'GET',
    path: '/campaigns/{campaign}',
    roles: ['coordinator'],
    summary: 'A campaign: stages, what became of each site in each round, and what it waits for.',
  },
  curves: {
    method: 'GET',
    path: '/campaigns/{campaign}/curves',
    roles: ['coordinator'],
    summary: 'Losses of a stage by round: all sites together, and single sites.',
  },
  controlCampaign: {
    method: 'POST',
    path: '/campaigns/{campaign}/control',
    roles: ['coordinator'],
    summary: 'Pauses, resumes or cancels a campaign.',
  },
  results: {
    method: 'GET',
    path: '/campaigns/{campaign}/results',
    roles: ['coordinator'],
    summary: 'Scores of the models of a campaign: by task, site and point, with their distributions.',
  },
  chain: {
    method: 'GET',
    path: '/campaigns/{campaign}/chain',
    roles: ['coordinator'],
    summary: "Keys of the documents of a campaign's chain, from its plan to its last commits.",
  },
  document: {
    method: 'GET',
    path: '/campaigns/{campaign}/document',
    roles: ['coordinator'],
    summary: 'The stored bytes of a JSON document of a campaign.',
  },
  queues: {
    method: 'GET',
    path: '/operations/queues',
    roles: ['coordinator'],
    summary: 'Queues of the federation: what waits, and dead letters.',
  },
  letters: {
    method: 'GET',
    path: '/operations/letters',
    roles: ['coordinator'],
    summary: 'Dead letters of a queue.',
  },
  redrive: {
    method: 'POST',
    path: '/operations/redrive',
    roles: ['coordinator'],
    summary: 'Sends the dead letters of a queue to it again.',
  },
  failures: {
    method: 'GET',
    path: '/operations/failures',
    roles: ['coordinator'],
    summary: 'Failed GPU tasks and refused updates, with reasons.',
  },
  releases: {
    method: 'GET',
    path: '/operations/releases',
    roles: ['coordinator'],
    summary: 'Release of fedcardio that each site runs.',
  },
  forecast: {
    method: 'GET',
    path: '/operations/forecast',
    roles: ['coordinator'],
    summary: 'Estimated cost of an idle month and of the campaigns that run.',
  },
  ...HOSPITAL_ROUTES,
  ...PREDICT_ROUTES,
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;

/** Names of the `{parameters}` in a path. */
type ParamNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never;

/** The parameters of a route's path. */
export type ParamsOf<N extends RouteName> = { readonly [Name in ParamNames<(typeof ROUTES)[N]['path']>]: string };

/** Where the API is, relative to the page. */
export const API = 'api/v1';
