import { FedcardioError } from '../error.ts';
import { CAMPAIGN_SUFFIX, CASE_FOLDERS, COMMIT_SUFFIX, CONTROL_SUFFIX, siteKeys, UPDATE_SUFFIX } from './keys.ts';
import type { Federation } from './schemas.ts';

/**
 * What a federation consists of, declared once: the CDK stacks are synthesized from it, and
 * those are what is deployed everywhere.
 */
export interface Topology {
  readonly buckets: readonly BucketSpec[];
  readonly queues: readonly QueueSpec[];
}

export interface BucketSpec {
  readonly name: string;
  /** The site that owns it; undefined for the federation bucket. */
  readonly site?: string;
  readonly notifications: readonly NotificationSpec[];
  /** Keys, `*` for any characters, of objects that are created once: never replaced, never deleted. */
  readonly permanent: readonly string[];
  /** Prefixes of objects that are deleted so many days after they were written, if nobody has deleted them before. */
  readonly expiring: readonly { readonly prefix: string; readonly days: number }[];
}

/** `s3:ObjectCreated:*` of keys with this prefix and suffix goes to the queue. */
interface NotificationSpec {
  readonly prefix?: string;
  readonly suffix?: string;
  readonly queue: string;
}

export type HandlerName = 'intake' | 'dispatch' | 'orchestrate' | 'aggregate';

export interface QueueSpec {
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
  tasksQueue: (federation: string, site: string) => `${federation}-${site}-tasks`,
  orchestrateQueue: (federation: string) => `${federation}-orchestrate`,
  aggregateQueue: (federation: string) => `${federation}-aggregate`,
  deadLetterQueue: (queue: string) => `${queue}-dlq`,
} as const;

/** The links of the audit trail, each created with `If-None-Match: *`. */
const PERMANENT = ['plan.json', 'open.json', 'seal.json', 'commit.json', 'outcome.json'] as const;

/** A task that has not gone on for so long will not: its round begins anew. */
const UNFINISHED_DAYS = 14;

/** The longest name that S3 takes. What queues are called is shorter than SQS takes whenever the buckets' names fit. */
const BUCKET_NAME_LENGTH = 63;

/**
 * The buckets, queues and filters of a federation, in a stable order.
 *
 * @throws FedcardioError BAD_CONFIGURATION when ids are so long that no bucket can be named after them
 */
export function topologyOf(federation: Federation): Topology {
  for (const { id } of federation.sites) {
    const name = names.siteBucket(federation.id, id);
    if (name.length <= BUCKET_NAME_LENGTH) continue;
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Site ${id} cannot have a bucket: ${name} has ${name.length} characters, S3 takes ${BUCKET_NAME_LENGTH}.`,
      { hint: "Shorten the federation's id or the site's." },
    );
  }
  const sites = federation.sites.map((site) => siteTopology(federation.id, site.id));
  const orchestrate = queue(names.orchestrateQueue(federation.id), 'orchestrate', { batchSize: 1 });
  const aggregate = queue(names.aggregateQueue(federation.id), 'aggregate', { batchSize: 100 });
  return {
    buckets: [
      ...sites.map((site) => site.bucket),
      {
        name: names.federationBucket(federation.id),
        notifications: [
          { prefix: 'campaigns/', suffix: CAMPAIGN_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: CONTROL_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: COMMIT_SUFFIX, queue: orchestrate.name },
          { prefix: 'campaigns/', suffix: UPDATE_SUFFIX, queue: aggregate.name },
        ],
        permanent: PERMANENT.map((name) => `campaigns/*/${name}`),
        expiring: [],
      },
    ],
    queues: [...sites.flatMap((site) => site.queues), orchestrate, aggregate],
  };
}

function siteTopology(federation: string, site: string): { bucket: BucketSpec; queues: readonly QueueSpec[] } {
  const intake = queue(names.intakeQueue(federation, site), 'intake', { site, batchSize: 10 });
  const tasks = queue(names.tasksQueue(federation, site), 'dispatch', { site, batchSize: 1 });
  return {
    bucket: {
      name: names.siteBucket(federation, site),
      site,
      notifications: Object.values(CASE_FOLDERS).map((folder) => ({
        prefix: `${folder}/`,
        queue: intake.name,
      })),
      permanent: [],
      expiring: [{ prefix: siteKeys.unfinishedPrefix, days: UNFINISHED_DAYS }],
    },
    queues: [intake, tasks],
  };
}

function queue(
  name: string,
  handler: HandlerName,
  options: { readonly site?: string; readonly batchSize: number },
): QueueSpec {
  return {
    name,
    deadLetterQueue: names.deadLetterQueue(name),
    handler,
    visibilityTimeoutSeconds: 360,
    maxReceiveCount: 3,
    ...options,
  };
}
