type FunctionSpec = (SiteFunction | FederationFunction | NetworkFunction) & {
  readonly name: string;
  readonly timeoutSeconds: number;
  /** Whether it merges updates, or submits large merges to Batch. */
  readonly closesRounds: boolean;
  /** For docs/functions.md. */
  readonly does: string;
};

/** Each site has its own. The site stack knows these triggers. */
interface SiteFunction {
  readonly scope: 'site';
  readonly trigger: QueueTrigger | Schedule | { readonly kind: 'batch-job-failed' };
}

/** The coordinator has one. The federation stack knows these triggers. */
interface FederationFunction {
  readonly scope: 'federation';
  readonly trigger: QueueTrigger | Schedule;
}

/** Each account and region with GPU tasks has one, in the stack of its network, which knows this trigger. */
interface NetworkFunction {
  readonly scope: 'network';
  /** Jobs that are submitted, and a schedule. */
  readonly trigger: { readonly kind: 'batch-jobs'; readonly everyMinutes: number };
}

interface Schedule {
  readonly kind: 'schedule';
  readonly everyMinutes: number;
}

interface QueueTrigger {
  readonly kind: 'queue';
  /** Most messages of one invocation. More than 10, the most that SQS returns at once, are gathered first. */
  readonly batchSize: number;
}

/**
 * Every Lambda function. Its code is handlers/<name>.lambda.ts. Names, queues, roles, bundles, time-outs, alarms and the
 * table in docs/functions.md derive from this list. A new function also needs its access (access.ts), its size
 * (cdk/functions.ts) and an entry in local/platform.ts, which runs it on one machine; the compiler asks for them. A
 * consumer of a queue also needs the queue's name and notifications (topology.ts). The isolation test asks for a column in
 * cdk/isolation/design.ts.
 */
export const FUNCTIONS = [
  {
    name: 'intake',
    scope: 'site',
    trigger: { kind: 'queue', batchSize: 10 },
    timeoutSeconds: 120,
    closesRounds: false,
    does: "catalogs or rejects uploads, and updates the site's counts",
  },
  {
    name: 'rescan',
    scope: 'site',
    trigger: { kind: 'schedule', everyMinutes: 60 },
    // The longest that Lambda allows, for the batch that runs when RESCAN_SECONDS (handlers/rescan.ts) are over.
    timeoutSeconds: 900,
    closesRounds: false,
    does: 'does the work of intake for cases whose events were lost',
  },
  {
    name: 'dispatch',
    scope: 'site',
    trigger: { kind: 'queue', batchSize: 1 },
    timeoutSeconds: 60,
    closesRounds: false,
    does: 'submits a GPU task as a Batch job, once; gives the short answers of secure aggregation',
  },
  {
    name: 'job-failed',
    scope: 'site',
    trigger: { kind: 'batch-job-failed' },
    timeoutSeconds: 60,
    closesRounds: false,
    does: 'reports the failure to the round on behalf of the GPU task',
  },
  {
    name: 'orchestrate',
    scope: 'federation',
    trigger: { kind: 'queue', batchSize: 1 },
    timeoutSeconds: 60,
    closesRounds: false,
    does: 'opens rounds, sends GPU tasks, ends campaigns',
  },
  {
    name: 'aggregate',
    scope: 'federation',
    trigger: { kind: 'queue', batchSize: 100 },
    // Reads and writes gigabytes.
    timeoutSeconds: 300,
    closesRounds: true,
    does: 'closes rounds, or submits large merges to Batch',
  },
  {
    name: 'sweep',
    scope: 'federation',
    trigger: { kind: 'schedule', everyMinutes: 1 },
    timeoutSeconds: 300,
    closesRounds: true,
    does: 'does the work of orchestrate and aggregate for all campaigns',
  },
  {
    name: 'endpoints',
    scope: 'network',
    trigger: { kind: 'batch-jobs', everyMinutes: 5 },
    timeoutSeconds: 60,
    closesRounds: false,
    does: "creates the network's interface endpoints for jobs, and deletes them an hour after the last",
  },
] as const satisfies readonly FunctionSpec[];

type Declared = (typeof FUNCTIONS)[number];
type Where<C> = Extract<Declared, C>['name'];

export type FunctionName = Declared['name'];
/** A function that consumes a queue. */
export type HandlerName = Where<{ readonly trigger: QueueTrigger }>;

const namesWhere = <C>(matches: (declared: Declared) => boolean): readonly Where<C>[] =>
  FUNCTIONS.filter(matches).map(({ name }) => name as Where<C>);

export const SITE_FUNCTIONS = namesWhere<{ readonly scope: 'site' }>(({ scope }) => scope === 'site');
export const FEDERATION_FUNCTIONS = namesWhere<{ readonly scope: 'federation' }>(({ scope }) => scope === 'federation');

export const FUNCTION_NAMES: readonly FunctionName[] = FUNCTIONS.map(({ name }) => name);
/** Functions that a schedule invokes. */
export type PeriodicFunction = Where<{ readonly trigger: Schedule }>;
/** Functions that merge updates, or submit large merges to Batch. */
export const MERGING_FUNCTIONS = namesWhere<{ readonly closesRounds: true }>(({ closesRounds }) => closesRounds);

export const FUNCTION_TIMEOUT_SECONDS = Object.fromEntries(
  FUNCTIONS.map(({ name, timeoutSeconds }) => [name, timeoutSeconds]),
) as Readonly<Record<FunctionName, number>>;

/**
 * Instances of a function that run at once. Beyond that, messages wait in the queue. A function without a queue is limited only if
 * its share is reserved.
 */
export const FUNCTION_CONCURRENCY: Readonly<Record<FunctionName, number>> = {
  intake: 5,
  // A second concurrent rescan would do the same work again.
  rescan: 1,
  dispatch: 2,
  'job-failed': 2,
  orchestrate: 5,
  aggregate: 5,
  // A second concurrent sweep would do the same work again.
  sweep: 1,
  // Two at once do no harm: the second finds the stack that the first has created.
  endpoints: 1,
};

/** The functions of a site or of the federation that a schedule invokes, in a stable order. */
export const periodicFunctions = (
  scope: Declared['scope'],
): readonly { readonly name: PeriodicFunction; readonly everyMinutes: number }[] =>
  FUNCTIONS.flatMap(({ name, scope: own, trigger }) =>
    own === scope && trigger.kind === 'schedule'
      ? [{ name: name as PeriodicFunction, everyMinutes: trigger.everyMinutes }]
      : [],
  );

/** The functions of a site or of the federation that consume a queue, in a stable order. */
export const queueFunctions = (
  scope: Declared['scope'],
): readonly { readonly name: HandlerName; readonly batchSize: number }[] =>
  FUNCTIONS.flatMap(({ name, scope: own, trigger }) =>
    own === scope && trigger.kind === 'queue' ? [{ name: name as HandlerName, batchSize: trigger.batchSize }] : [],
  );
