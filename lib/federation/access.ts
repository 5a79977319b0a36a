import { siteKeys } from './keys.ts';
import type { FederationRole, SiteRole } from './topology.ts';

/**
 * What each role may do with objects and queues. Everything else is denied. The policies of roles, buckets, queues and
 * encryption keys derive from it (cdk), and so do the tables in docs/objects.md and docs/security.md. A test compares the
 * policies with a table written by hand (cdk/isolation). Stores that enforce it (lib/storage/access-view.ts) limit what the
 * page reads, and tests run handlers and GPU tasks on them.
 */

/** Patterns of object keys; `*` matches any characters, slashes included. */
export interface ObjectAccess {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly delete?: readonly string[];
  /** Deleted for good, with all versions, whose listing the role then may see. */
  readonly erase?: readonly string[];
  /** Prefixes that may be listed, or the whole bucket. Only with the latter does S3 answer 404 for a missing object. */
  readonly list?: 'everything' | readonly string[];
}

export interface SiteAccess {
  /** Access to the site's own bucket. */
  readonly own: ObjectAccess;
  readonly federation: ObjectAccess;
}

const CASES = ['cases/*', 'held-out/*'] as const;
const CATALOG = ['catalog/*', 'rejected/*'] as const;
/** What GPU tasks derive from single cases. */
const DERIVED = ['pseudo-labels/*', 'predictions/*'] as const;
/** What the site has released, and what it draws noise from. Key by key: each has other readers. */
const PRIVACY = [siteKeys.ledger, siteKeys.privacySecret] as const;
const TASKS = 'tasks.json';

/** Whether a round still waits for its sites. They learn whether these exist, not what they say of others. */
const CLOSED = ['campaigns/*/seal.json', 'campaigns/*/outcome.json'] as const;

/** What the coordinator tells all sites in secure aggregation. */
const TOLD = ['cohort', 'survivors', 'endorsed'].map((name) => `campaigns/*/${name}.json`);
/** A site's keys and masks. They never leave the site, nor its bucket. */
const SECRETS = ['identity/*', 'secure/*'] as const;

/** Recording the failure of a site's GPU task, after checking that its round still waits for it. */
const failureOf = (site: string): ObjectAccess => ({
  read: [`updates/${site}/*/failed.update.json`],
  write: [`updates/${site}/*/failed.update.json`],
  list: [...CLOSED, `updates/${site}/*`],
});

/** Adds keys that may be read, and listed to find out that they are missing. */
const withReads = (access: ObjectAccess, keys: readonly string[]): ObjectAccess => ({
  ...access,
  read: [...(access.read ?? []), ...keys],
  list: access.list === 'everything' ? access.list : [...(access.list ?? []), ...keys],
});

/** Adds answering campaigns: reading what they ask, and telling the coordinator. */
const publishingConsents = (site: string, access: ObjectAccess): ObjectAccess => ({
  ...access,
  read: [...new Set([...(access.read ?? []), PLAN])],
  write: [...(access.write ?? []), `sites/${site}/consents/*`],
});

/** Adds the short answers of secure aggregation, and what they answer. */
const withAnswers = (site: string, access: ObjectAccess): ObjectAccess => ({
  ...access,
  read: [...new Set([...(access.read ?? []), PLAN, ...TOLD, `updates/${site}/*.step.json`])],
  write: [...(access.write ?? []), `updates/${site}/*.step.json`],
});

/** Reading the federation's tasks and the site's own counts. */
const ownCounts = (site: string): ObjectAccess => ({
  read: [TASKS, `sites/${site}/summary.json`],
  list: [TASKS, `sites/${site}/*`],
});

/** Cataloging, with what else the function `own` reads and writes. */
const intakeOf = (site: string, own: readonly string[] = [], more: ObjectAccess = {}): SiteAccess => ({
  own: {
    read: [...CASES, ...CATALOG, 'content/*', ...own],
    write: [...CATALOG, 'content/*', ...own],
    delete: CATALOG,
    list: 'everything',
    ...more,
  },
  federation: { ...ownCounts(site), write: [`sites/${site}/summary.json`] },
});

/** The site's answers to campaigns, and how it decides. */
const CONSENT = ['consents/*', siteKeys.policy] as const;
const PLAN = 'campaigns/*/plan.json';

/** All that names a case, holds its voxels, or goes on learning from it. */
const WITHDRAWN = [...CASES, ...CATALOG, 'content/*', siteKeys.examined, ...DERIVED, 'unfinished/*'] as const;

/** Which models were built on an update, as far as a site may know. */
const LEARNT = [PLAN, 'models/*/merged.json'] as const;

export const siteAccess = (site: string): Readonly<Record<SiteRole, SiteAccess>> => ({
  intake: intakeOf(site),
  // It does what intake does, for cases whose events were lost, but consumes no queue.
  // What a GPU task or intake still writes about a case after its withdrawal is removed for good.
  rescan: intakeOf(site, [siteKeys.examined], { erase: [...DERIVED, ...CATALOG, 'content/*'] }),
  dispatch: {
    // It starts nothing without a consent, which it writes if the site's policy agrees by itself or a person is to be asked.
    own: {
      read: ['jobs/*', ...CONSENT, ...SECRETS],
      write: ['jobs/*', 'consents/*', ...SECRETS],
      list: ['jobs/*', ...CONSENT, ...SECRETS],
    },
    // Pauses extend the deadline of a GPU task, which matters if its message comes late or twice.
    federation: withAnswers(site, publishingConsents(site, withReads(failureOf(site), ['campaigns/*/control.json']))),
  },
  'job-failed': { own: {}, federation: failureOf(site) },
  task: {
    own: {
      read: [
        ...CASES,
        'catalog/*',
        'consents/*',
        'pseudo-labels/*',
        'checkpoints/*',
        'unfinished/*',
        'lineage/*',
        ...PRIVACY,
        ...SECRETS,
      ],
      // What was spent of the budget is never deleted.
      write: [...DERIVED, 'checkpoints/*', 'unfinished/*', 'sent/*', 'lineage/*', 'secure/*', ...PRIVACY],
      delete: ['checkpoints/*', 'unfinished/*'],
      list: 'everything',
    },
    federation: {
      read: [PLAN, 'init/*', 'models/*', `updates/${site}/*`],
      write: [`updates/${site}/*`],
      list: [...CLOSED, 'init/*', `updates/${site}/*`],
    },
  },
  upload: {
    // A deleted object stays as an old version: the role can undo its mistakes, and destroy nothing.
    own: {
      read: [...CATALOG, ...CONSENT, 'predictions/*', 'sent/*', 'lineage/*', siteKeys.ledger],
      write: CASES,
      delete: CASES,
      list: 'everything',
    },
    federation: withReads(ownCounts(site), LEARNT),
  },
  withdraw: {
    own: {
      read: [...CATALOG, ...CONSENT, 'content/*', 'withdrawn/*', 'lineage/*', siteKeys.examined],
      write: [...CATALOG, ...CONSENT, 'withdrawn/*'],
      delete: WITHDRAWN,
      erase: WITHDRAWN,
      list: 'everything',
    },
    // Who may withdraw a case also decides on campaigns.
    federation: publishingConsents(site, {
      ...withReads(ownCounts(site), LEARNT),
      write: [`sites/${site}/summary.json`, `sites/${site}/withdrawals/*`],
    }),
  },
});

const ORCHESTRATED = [
  ...['plan', 'open', 'sent', 'outcome', 'cohort', 'asked', 'endorsed', 'opened'],
  'setup/*/sites',
].map((name) => `campaigns/*/${name}.json`);
const MERGED = [
  ...['lease', 'noise', 'seal', 'commit', 'outcome', 'merge-job', 'survivors'].map(
    (name) => `campaigns/*/${name}.json`,
  ),
  ...['state', 'sum', 'mean'].map((name) => `campaigns/*/${name}-*.safetensors`),
  'models/*',
  'updates/*.refusal.json',
];
const READ_ALL = {
  read: ['campaigns/*', 'init/*', 'models/*', 'sites/*', 'updates/*', TASKS],
  list: 'everything',
} as const;

/** Access of the coordinator's roles to the federation bucket. They have no access to any other. */
export const FEDERATION_ACCESS: Readonly<Record<FederationRole, ObjectAccess>> = {
  orchestrate: { ...READ_ALL, write: ORCHESTRATED },
  aggregate: { ...READ_ALL, write: MERGED },
  sweep: { ...READ_ALL, write: [...new Set([...ORCHESTRATED, ...MERGED]), TASKS] },
  merge: { ...READ_ALL, write: MERGED },
  research: {
    ...READ_ALL,
    write: [...['campaign', 'control', 'outcome'].map((name) => `campaigns/*/${name}.json`), 'init/*', TASKS],
  },
};

/** Roles that send messages to the sites' GPU task queues. */
export const SENDERS: readonly FederationRole[] = ['orchestrate', 'sweep'];

/**
 * The access of all of a site's roles together to the federation bucket, which bounds the access of the site's account.
 * `shared` is the same for every site, `own` names the site.
 */
export function siteReach(site: string): { readonly shared: ObjectAccess; readonly own: ObjectAccess } {
  const all = Object.values(siteAccess(site)).map(({ federation }) => federation);
  const union = (of: 'read' | 'write' | 'list', isOwn: boolean) => {
    const keys = all.flatMap((access) => access[of] ?? []).filter((key) => key.includes(`/${site}/`) === isOwn);
    const distinct = distinctPatterns(keys);
    // The policy of a bucket has no room for each: what a site writes about itself is bounded by its folder.
    const about = `sites/${site}/`;
    const isFolder = of === 'write' && distinct.filter((key) => key.startsWith(about)).length > 1;
    return isFolder ? [...distinct.filter((key) => !key.startsWith(about)), `${about}*`] : distinct;
  };
  const reach = (isOwn: boolean) => ({
    read: union('read', isOwn),
    write: union('write', isOwn),
    list: union('list', isOwn),
  });
  return { shared: reach(false), own: reach(true) };
}

/** Access of an on-premises site's role to the federation bucket: that of all roles of a site together. */
export function machineAccess(site: string): ObjectAccess {
  const { shared, own } = siteReach(site);
  const both = (of: 'read' | 'write' | 'list') => [...(shared[of] as string[]), ...(own[of] as string[])];
  return { read: both('read'), write: both('write'), list: both('list') };
}

/** IAM's StringLike without `?`: whether a key matches a pattern, in which `*` stands for any characters, slashes included. */
export function isLike(key: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return key === pattern;
  if (!key.startsWith(first)) return false;
  const last = rest.pop() as string;
  let from = first.length;
  for (const part of rest) {
    const at = key.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return key.length - last.length >= from && key.endsWith(last);
}

/** Patterns without those that another one covers. */
export const distinctPatterns = (patterns: readonly string[]): readonly string[] => {
  const all = [...new Set(patterns)];
  return all.filter((key) => !all.some((other) => other !== key && covers(other, key)));
};

/** Whether a pattern that ends in `*` covers another pattern. */
const covers = (pattern: string, other: string): boolean =>
  pattern.endsWith('*') && other.startsWith(pattern.slice(0, -1));
