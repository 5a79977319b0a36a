import { FedcardioError } from '../error.ts';
import { CAMPAIGN_SUFFIX, CASE_FOLDERS, COMMIT_SUFFIX, CONTROL_SUFFIX, siteKeys, UPDATE_SUFFIX } from './keys.ts';
import type { Federation, Site } from './schemas.ts';

/**
 * What a federation consists of, declared once: the CDK stacks are synthesized from it, and
 * those are what is deployed everywhere.
 */
export interface Topology {
  readonly federation: Federation;
  readonly buckets: readonly BucketSpec[];
  readonly queues: readonly QueueSpec[];
}

/** Where something is deployed; undefined in both: where whoever deploys is. */
export interface Place {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

export interface BucketSpec extends Place {
  readonly name: string;
  /** The site that owns it; undefined for the federation bucket. */
  readonly site?: string;
  readonly notifications: readonly NotificationSpec[];
  /** Keys, `*` for any characters, of objects that are created once: never replaced, never deleted. */
  readonly permanent: readonly string[];
  /** What helps a task to go on, and is deleted some days after it was written if nobody has deleted it before. */
  readonly expiring: readonly ExpirySpec[];
  readonly objectLockDays?: number | undefined;
}

interface ExpirySpec {
  readonly prefix: string;
  readonly days: number;
  /** Days that a version is kept for which was replaced or deleted. */
  readonly oldDays: number;
}

/** `s3:ObjectCreated:*` of keys with this prefix and suffix goes to the queue. */
interface NotificationSpec {
  readonly prefix?: string;
  readonly suffix?: string;
  readonly queue: string;
}

/** What a function may take, in seconds. Whoever closes rounds may have to read and write gigabytes. */
export const FUNCTION_TIMEOUT_SECONDS = {
  intake: 120,
  dispatch: 60,
  'job-failed': 60,
  orchestrate: 60,
  aggregate: 300,
  sweep: 300,
} as const;

export type HandlerName = 'intake' | 'dispatch' | 'orchestrate' | 'aggregate';

/** Of each site: three functions, the job of its tasks, and the hospital's door. */
export const SITE_ROLES = ['intake', 'dispatch', 'job-failed', 'task', 'upload'] as const;
export type SiteRole = (typeof SITE_ROLES)[number];
/** Of the coordinator: three functions, the job of large merges, and the researchers' door. */
export const FEDERATION_ROLES = ['orchestrate', 'aggregate', 'sweep', 'merge', 'research'] as const;
export type FederationRole = (typeof FEDERATION_ROLES)[number];

export interface QueueSpec extends Place {
  readonly name: string;
  readonly deadLetterQueue: string;
  readonly site?: string;
  /** The function that consumes the queue. */
  readonly handler: HandlerName;
  /** At least six times the function's time-out. */
  readonly visibilityTimeoutSeconds: number;
  /** Receives after which a message goes to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** Messages handed to one invocation, at most. Above 10, what SQS gives at once, they are gathered. */
  readonly batchSize: number;
}

export const names = {
  siteBucket: (federation: string, site: string) => `${federation}-site-${site}`,
  federationBucket: (federation: string) => `${federation}-federation`,
  intakeQueue: (federation: string, site: string) => `${federation}-${site}-intake`,
  gpuTaskQueue: (federation: string, site: string) => `${federation}-${site}-tasks`,
  orchestrateQueue: (federation: string) => `${federation}-orchestrate`,
  aggregateQueue: (federation: string) => `${federation}-aggregate`,
  deadLetterQueue: (queue: string) => `${queue}-dlq`,
  /** Of the role, and of the function or job that has it. */
  siteRole: (federation: string, site: string, role: SiteRole) => `${federation}-${site}-${role}`,
  federationRole: (federation: string, role: FederationRole) => `${federation}-${role}`,
} as const;

/** The links of the audit trail, each created with `If-None-Match: *`. */
const PERMANENT = ['plan.json', 'open.json', 'seal.json', 'commit.json', 'outcome.json'] as const;

/** Longer than a campaign lasts: its later stages start from what its sites kept of the earlier ones. */
const OF_A_CAMPAIGN = { days: 180, oldDays: 7 };
/** A task that has not gone on for so long will not. It writes gigabytes, again and again, in the place of the last. */
const OF_A_TASK = { days: 14, oldDays: 1 };

/** The longest names that S3 and IAM take. Those of queues are shorter than SQS takes whenever these fit. */
const BUCKET_NAME_LENGTH = 63;
const ROLE_NAME_LENGTH = 64;

/**
 * The buckets, queues and filters of a federation, in a stable order.
 *
 * @throws FedcardioError BAD_CONFIGURATION when ids are so long that no bucket or role can be named after them
 */
export function topologyOf(federation: Federation): Topology {
  for (const { id } of federation.sites) {
    checkLength(id, 'bucket', names.siteBucket(federation.id, id), BUCKET_NAME_LENGTH);
    for (const role of SITE_ROLES) checkLength(id, 'role', names.siteRole(federation.id, id, role), ROLE_NAME_LENGTH);
  }
  const sites = federation.sites.map((site) => siteTopology(federation, site));
  const place = placeOf(federation);
  const orchestrate = queue(names.orchestrateQueue(federation.id), 'orchestrate', { ...place, batchSize: 1 });
  const aggregate = queue(names.aggregateQueue(federation.id), 'aggregate', { ...place, batchSize: 100 });
  return {
    federation,
    buckets: [
      ...sites.map((site) => site.bucket),
      {
        ...place,
        name: names.federationBucket(federation.id),
        objectLockDays: federation.objectLockDays,
        expiring: [],
        notifications: [
          { prefix: 'campaigns/', suffix: CAMPAIGN_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: CONTROL_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: COMMIT_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: UPDATE_SUFFIX, queue: aggregate.name },
        ],
        permanent: PERMANENT.map((name) => `campaigns/*/${name}`),
      },
    ],
    queues: [...sites.flatMap((site) => site.queues), orchestrate, aggregate],
  };
}

/** Where a site is, or the federation: a site that says nothing is where the federation is. */
export const placeOf = (federation: Federation, site?: Pick<Site, 'account' | 'region'>): Place => ({
  account: site?.account ?? federation.account,
  region: site?.region ?? federation.region,
});

function checkLength(site: string, what: string, name: string, limit: number): void {
  if (name.length <= limit) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Site ${site} cannot have a ${what}: ${name} has ${name.length} characters, AWS takes ${limit}.`,
    { hint: "Shorten the federation's id or the site's." },
  );
}

function siteTopology(federation: Federation, site: Site): { bucket: BucketSpec; queues: readonly QueueSpec[] } {
  const place = placeOf(federation, site);
  const of = { ...place, site: site.id };
  const intake = queue(names.intakeQueue(federation.id, site.id), 'intake', { ...of, batchSize: 10 });
  const tasks = queue(names.gpuTaskQueue(federation.id, site.id), 'dispatch', { ...of, batchSize: 1 });
  return {
    bucket: {
      ...of,
      name: names.siteBucket(federation.id, site.id),
      notifications: Object.values(CASE_FOLDERS).map((folder) => ({
        prefix: `${folder}/`,
        queue: intake.name,
      })),
      permanent: [],
      expiring: [
        ...['checkpoints/', 'jobs/'].map((prefix) => ({ prefix, ...OF_A_CAMPAIGN })),
        { prefix: siteKeys.unfinishedPrefix, ...OF_A_TASK },
      ],
      objectLockDays: site.objectLockDays,
    },
    queues: [intake, tasks],
  };
}

function queue(
  name: string,
  handler: HandlerName,
  options: Place & { readonly site?: string; readonly batchSize: number },
): QueueSpec {
  return {
    name,
    deadLetterQueue: names.deadLetterQueue(name),
    handler,
    visibilityTimeoutSeconds: 6 * FUNCTION_TIMEOUT_SECONDS[handler],
    maxReceiveCount: 3,
    ...options,
  };
}
