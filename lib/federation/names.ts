import { FEDERATION_FUNCTIONS, SITE_FUNCTIONS } from './functions.ts';

/** A site's IAM roles: one for each function, the GPU task's, and those of people who upload and withdraw cases. */
export const SITE_ROLES = [...SITE_FUNCTIONS, 'task', 'upload', 'withdraw'] as const;
export type SiteRole = (typeof SITE_ROLES)[number];
/** The only IAM role of an on-premises site, for everything that its machine does in the federation. */
export const MACHINE_ROLE = 'machine';
/** The coordinator's IAM roles: one for each function, the large merge's, and the research role. */
export const FEDERATION_ROLES = [...FEDERATION_FUNCTIONS, 'merge', 'research'] as const;
export type FederationRole = (typeof FEDERATION_ROLES)[number];

/** Names of what is created on AWS. The first argument is the id of the federation. */
export const names = {
  siteBucket: (federation: string, site: string) => `${federation}-site-${site}`,
  federationBucket: (federation: string) => `${federation}-federation`,
  intakeQueue: (federation: string, site: string) => `${federation}-${site}-intake`,
  gpuTaskQueue: (federation: string, site: string) => `${federation}-${site}-tasks`,
  orchestrateQueue: (federation: string) => `${federation}-orchestrate`,
  aggregateQueue: (federation: string) => `${federation}-aggregate`,
  /** Job queue and job definition of a site's GPU tasks. */
  jobQueue: (federation: string, site: string) => `${federation}-${site}`,
  /** The same for large merges. */
  mergeJobQueue: (federation: string) => `${federation}-merge`,
  bucketKeyAlias: (bucket: string) => `alias/${bucket}`,
  queueKeyAlias: (bucket: string) => `alias/${bucket}-queues`,
  dataStack: (bucket: string) => `${bucket}-data`,
  computeStack: (bucket: string) => `${bucket}-compute`,
  /** Of a site that is deployed by itself. */
  trailStack: (bucket: string) => `${bucket}-trail`,
  deadLetterQueue: (queue: string) => `${queue}-dlq`,
  /** Name of the role, and of the function or job that has it. */
  siteRole: (federation: string, site: string, role: SiteRole | typeof MACHINE_ROLE) => `${federation}-${site}-${role}`,
  /** In the coordinator's region without a region: names of roles are unique in an account, which each has one network a region. */
  endpointsRole: (federation: string, region?: string) =>
    [federation, 'endpoints', ...(region ? [region] : [])].join('-'),
  federationRole: (federation: string, role: FederationRole) => `${federation}-${role}`,
} as const;

interface Named {
  readonly kind: string;
  readonly name: string;
  readonly owner: string;
}

/** A name that two owners would have, as a message without its full stop. */
export interface Collision {
  /** Position of the later site. */
  readonly index: number;
  readonly message: string;
}

/**
 * Names that two resources of a federation would have, because a site's id is a word of the coordinator or continues
 * another site's id. Their stacks could not be deployed, or would share what isolates them.
 */
export function nameCollisions(federation: {
  readonly id: string;
  readonly sites: readonly { readonly id: string }[];
}): readonly Collision[] {
  const owners = new Map<string, string>();
  for (const { kind, name, owner } of coordinatorNames(federation.id)) owners.set(`${kind} ${name}`, owner);
  return federation.sites.flatMap(({ id: site }, index) => {
    const found = siteNames(federation.id, site).flatMap(({ kind, name, owner }) => {
      const first = owners.get(`${kind} ${name}`) ?? owner;
      owners.set(`${kind} ${name}`, first);
      return first === owner
        ? []
        : [`site id "${site}" is not possible: its ${kind} would be ${name}, as ${first}'s is`];
    });
    return found.slice(0, 1).map((message) => ({ index, message }));
  });
}

const coordinatorNames = (federation: string): readonly Named[] => [
  ...bucketNames(names.federationBucket(federation), 'the coordinator'),
  ...queueNames([names.orchestrateQueue(federation), names.aggregateQueue(federation)], 'the coordinator'),
  { kind: 'job queue', name: names.mergeJobQueue(federation), owner: 'the coordinator' },
  ...FEDERATION_ROLES.map((role) => ({
    kind: 'role',
    name: names.federationRole(federation, role),
    owner: 'the coordinator',
  })),
];

function siteNames(federation: string, site: string): readonly Named[] {
  const owner = `site "${site}"`;
  return [
    ...bucketNames(names.siteBucket(federation, site), owner),
    ...queueNames([names.intakeQueue(federation, site), names.gpuTaskQueue(federation, site)], owner),
    { kind: 'job queue', name: names.jobQueue(federation, site), owner },
    ...[...SITE_ROLES, MACHINE_ROLE as typeof MACHINE_ROLE].map((role) => ({
      kind: 'role',
      name: names.siteRole(federation, site, role),
      owner,
    })),
  ];
}

const bucketNames = (bucket: string, owner: string): readonly Named[] => [
  { kind: 'bucket', name: bucket, owner },
  { kind: 'key alias', name: names.bucketKeyAlias(bucket), owner },
  { kind: 'key alias', name: names.queueKeyAlias(bucket), owner },
  { kind: 'stack', name: names.dataStack(bucket), owner },
  { kind: 'stack', name: names.computeStack(bucket), owner },
  { kind: 'stack', name: names.trailStack(bucket), owner },
];

const queueNames = (queues: readonly string[], owner: string): readonly Named[] =>
  queues.flatMap((queue) => [queue, names.deadLetterQueue(queue)].map((name) => ({ kind: 'queue', name, owner })));
