import { FedcardioError } from '../error.ts';
import { FUNCTION_TIMEOUT_SECONDS, type HandlerName, queueFunctions } from './functions.ts';
import {
  CAMPAIGN_SUFFIX,
  CASE_FOLDERS,
  COMMIT_SUFFIX,
  CONSENT_SUFFIX,
  CONTROL_SUFFIX,
  OPENED_SUFFIX,
  STEP_SUFFIX,
  SURVIVORS_SUFFIX,
  siteKeys,
  UPDATE_SUFFIX,
  UPDATES_PREFIX,
} from './keys.ts';
import { FEDERATION_ROLES, MACHINE_ROLE, nameCollisions, names, SITE_ROLES } from './names.ts';
import { type Encryption, type Federation, isOnPremises, type Site } from './schemas.ts';

export type { HandlerName } from './functions.ts';
export * from './names.ts';

/** The buckets and queues of a federation. The CDK synthesizes the stacks of every platform from it. */
export interface Topology {
  readonly federation: Federation;
  readonly buckets: readonly BucketSpec[];
  readonly queues: readonly QueueSpec[];
}

/** Account and region of a deployment. Both default to the deployer's. */
export interface Place {
  readonly account?: string | undefined;
  readonly region?: string | undefined;
}

/** A bucket of the federation. */
export interface BucketSpec extends Place {
  readonly name: string;
  /** The site that owns it; undefined for the federation bucket. */
  readonly site?: string;
  readonly notifications: readonly NotificationSpec[];
  /** Keys (`*` matches any characters) of objects that are created once and never replaced or deleted. */
  readonly permanent: readonly string[];
  /** Prefixes of objects that S3 deletes some days after they were written, such as checkpoints. */
  readonly expiring: readonly ExpirySpec[];
  readonly objectLockDays?: number | undefined;
}

interface ExpirySpec {
  readonly prefix: string;
  readonly days: number;
  /** Days that a replaced or deleted version is kept. */
  readonly noncurrentDays: number;
}

const CREATED = 's3:ObjectCreated:*';
const REMOVED = 's3:ObjectRemoved:*';

/** Events of keys with this prefix and suffix are sent to the queue. */
interface NotificationSpec {
  readonly event: typeof CREATED | typeof REMOVED;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly queue: string;
}

/** A queue of the federation, with its dead-letter queue. */
export interface QueueSpec extends Place {
  readonly name: string;
  readonly deadLetterQueue: string;
  readonly site?: string;
  /** The function that consumes the queue. */
  readonly handler: HandlerName;
  /** At least six times the function's time-out. */
  readonly visibilityTimeoutSeconds: number;
  /** Receives after which a message is moved to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** Most messages of one invocation. More than 10, the most that SQS returns at once, are gathered first. */
  readonly batchSize: number;
}

const QUEUE_NAMES: Readonly<Record<HandlerName, (federation: string, site: string) => string>> = {
  intake: names.intakeQueue,
  dispatch: names.gpuTaskQueue,
  orchestrate: names.orchestrateQueue,
  aggregate: names.aggregateQueue,
};

/** The links of the audit trail, the seeds of noise, and all that sites send, each created with `If-None-Match: *`. */
const PERMANENT = [
  ...[
    'plan',
    'open',
    'noise',
    'seal',
    'commit',
    'outcome',
    'setup/*/sites',
    'cohort',
    'survivors',
    'endorsed',
    'opened',
  ].map((name) => `campaigns/*/${name}.json`),
  'models/*/merged.json',
  `${UPDATES_PREFIX}*`,
];

/** Longer than a campaign: later stages start from checkpoints of earlier ones. */
const CAMPAIGN_EXPIRY = { days: 180, noncurrentDays: 7 };
/** A GPU task that has stopped for this long is not resumed. Each of its checkpoints, of gigabytes, replaces the last. */
const CHECKPOINT_EXPIRY = { days: 14, noncurrentDays: 1 };

/**
 * AWS advises at least five for functions (Lambda, "Configuring an SQS queue for Lambda"): a message that is received while the
 * function is throttled counts, too.
 */
const MAX_RECEIVES = 5;

/** Longest names that S3 and IAM accept. Queue names always fit into SQS's 80 characters when these do. */
const BUCKET_NAME_LENGTH = 63;
const ROLE_NAME_LENGTH = 64;

/**
 * The buckets, queues and filters of a federation, in a stable order. An on-premises site has only its GPU task queue here,
 * and the rest on its own machine: {@link machineTopologyOf}.
 *
 * @throws FedcardioError BAD_CONFIGURATION when an id is too long for a bucket or role name, or gives two resources one name
 */
export function topologyOf(federation: Federation): Topology {
  const [collision] = nameCollisions(federation);
  if (collision) throw new FedcardioError('BAD_CONFIGURATION', `${collision.message}.`, { hint: 'Choose another id.' });
  for (const site of federation.sites) {
    const { id } = site;
    const checkLength = checkerOf(`Site ${id}`, "Shorten the federation's id or the site's.");
    checkLength('bucket', names.siteBucket(federation.id, id), BUCKET_NAME_LENGTH);
    for (const role of isOnPremises(site) ? ([MACHINE_ROLE] as const) : SITE_ROLES)
      checkLength('role', names.siteRole(federation.id, id, role), ROLE_NAME_LENGTH);
  }
  checkFederationNames(federation);
  const sites = federation.sites.map((site) => {
    const { bucket, queues } = siteTopology(federation, site);
    return isOnPremises(site) ? { buckets: [], queues: queues.filter(isGpuTaskQueue) } : { buckets: [bucket], queues };
  });
  const place = placeOf(federation);
  const orchestrate = names.orchestrateQueue(federation.id);
  const aggregate = names.aggregateQueue(federation.id);
  return {
    federation,
    buckets: [
      ...sites.flatMap((site) => site.buckets),
      {
        ...place,
        name: names.federationBucket(federation.id),
        objectLockDays: federation.objectLockDays,
        expiring: [],
        notifications: [
          { event: CREATED, prefix: 'campaigns/', suffix: CAMPAIGN_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: 'campaigns/', suffix: CONTROL_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: 'campaigns/', suffix: COMMIT_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: 'sites/', suffix: CONSENT_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: UPDATES_PREFIX, suffix: UPDATE_SUFFIX, queue: aggregate },
          // Secure aggregation: sites answer, the coordinator asks for the next answer, and finally merges.
          { event: CREATED, prefix: UPDATES_PREFIX, suffix: STEP_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: 'campaigns/', suffix: SURVIVORS_SUFFIX, queue: orchestrate },
          { event: CREATED, prefix: 'campaigns/', suffix: OPENED_SUFFIX, queue: aggregate },
        ],
        permanent: PERMANENT,
      },
    ],
    queues: [...sites.flatMap((site) => site.queues), ...queuesOf(federation, place)],
  };
}

/**
 * The bucket and the intake queue of a site, which are on its own machine if the site is on-premises.
 *
 * @param options `events`: whether the storage there sends object events to queues. Without them there is no intake queue.
 */
export function machineTopologyOf(
  federation: Federation,
  site: Site,
  { events }: { readonly events: boolean },
): Topology {
  const { bucket, queues } = siteTopology(federation, site);
  const own = { ...federation, sites: [site] };
  if (!events) return { federation: own, buckets: [{ ...bucket, notifications: [] }], queues: [] };
  return { federation: own, buckets: [bucket], queues: queues.filter((queue) => !isGpuTaskQueue(queue)) };
}

/** Whether the coordinator sends to the queue, and the site receives from it. */
export const isGpuTaskQueue = ({ handler }: Pick<QueueSpec, 'handler'>): boolean => handler === 'dispatch';

/** Account and region of a site, or of the coordinator. A site without its own has the coordinator's. */
export const placeOf = (federation: Federation, site?: Pick<Site, 'account' | 'region'>): Place => ({
  account: site?.account ?? federation.account,
  region: site?.region ?? federation.region,
});

/** How a site, or the coordinator, is encrypted at rest. */
export const encryptionOf = (federation: Federation, site?: Pick<Site, 'encryption'>): Encryption =>
  site?.encryption ?? federation.encryption ?? 'shared-key';

/** Names that no site's id is a part of. */
function checkFederationNames(federation: Federation): void {
  const { id } = federation;
  const checkLength = checkerOf(`Federation ${id}`, "Shorten the federation's id.");
  checkLength('bucket', names.federationBucket(id), BUCKET_NAME_LENGTH);
  for (const role of FEDERATION_ROLES) checkLength('role', names.federationRole(id, role), ROLE_NAME_LENGTH);
  const home = placeOf(federation);
  checkLength('role', names.endpointsRole(id), ROLE_NAME_LENGTH);
  for (const site of federation.sites) {
    const { account, region } = placeOf(federation, site);
    if (isOnPremises(site) || (account === home.account && region === home.region)) continue;
    checkLength(`role in ${region}, where site ${site.id} is`, names.endpointsRole(id, region), ROLE_NAME_LENGTH);
  }
}

const checkerOf = (owner: string, hint: string) => (what: string, name: string, limit: number) => {
  if (name.length <= limit) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${owner} cannot have a ${what}: ${name} has ${name.length} characters, AWS takes ${limit}.`,
    { hint },
  );
};

function siteTopology(federation: Federation, site: Site): { bucket: BucketSpec; queues: readonly QueueSpec[] } {
  const place = placeOf(federation, site);
  return {
    bucket: {
      ...place,
      site: site.id,
      name: names.siteBucket(federation.id, site.id),
      notifications: Object.values(CASE_FOLDERS).flatMap((folder) =>
        ([CREATED, REMOVED] as const).map((event) => ({
          event,
          prefix: `${folder}/`,
          queue: names.intakeQueue(federation.id, site.id),
        })),
      ),
      permanent: [siteKeys.privacySecret],
      expiring: [
        ...['checkpoints/', 'jobs/', 'secure/'].map((prefix) => ({ prefix, ...CAMPAIGN_EXPIRY })),
        { prefix: siteKeys.unfinishedPrefix, ...CHECKPOINT_EXPIRY },
      ],
    },
    queues: queuesOf(federation, { ...place, site: site.id }),
  };
}

/** The queues of a site, or those of the coordinator. */
const queuesOf = (federation: Federation, owner: Place & { readonly site?: string }): readonly QueueSpec[] =>
  queueFunctions(owner.site === undefined ? 'federation' : 'site').map(({ name: handler, batchSize }) => {
    const name = QUEUE_NAMES[handler](federation.id, owner.site ?? '');
    return {
      ...owner,
      name,
      deadLetterQueue: names.deadLetterQueue(name),
      handler,
      visibilityTimeoutSeconds: 6 * FUNCTION_TIMEOUT_SECONDS[handler],
      maxReceiveCount: MAX_RECEIVES,
      batchSize,
    };
  });
