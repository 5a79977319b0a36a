import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { FedcardioError } from '../lib/error.ts';
import { distinctPatterns, machineAccess, SENDERS, siteAccess, siteReach } from '../lib/federation/access.ts';
import { federationGuards, type Guard, SITE_TAG, siteGuards, TAGGED_SITE, type Use } from '../lib/federation/guards.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import {
  FEDERATION_ROLES,
  type FederationRole,
  isGpuTaskQueue,
  MACHINE_ROLE,
  names,
  placeOf,
  type QueueSpec,
  SITE_ROLES,
  type SiteRole,
} from '../lib/federation/topology.ts';
import { bucketArn, isInOtherAccount, objectArns, roleArn } from './arns.ts';
import { policyBytes } from './policy-size.ts';

/**
 * Resource policies of buckets, queues and keys. They hold in addition to the policies of the roles, and deny what
 * `lib/federation/access.ts` does not allow, whatever roles of the account are granted by mistake.
 *
 * They name roles in conditions, not as principals: a principal must exist when a policy is stored, and the roles are
 * created after the data stacks. Decision 042 says how one policy holds for all sites.
 */

const OBJECT_ACTIONS: Readonly<Record<Use, readonly string[]>> = {
  read: ['s3:GetObject', 's3:GetObjectVersion'],
  write: ['s3:PutObject', 's3:AbortMultipartUpload'],
  delete: ['s3:DeleteObject'],
  erase: ['s3:DeleteObjectVersion'],
};
const LISTS = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'];

/** With `*`, a path of a role could look like an account. */
const ANY_ACCOUNT = '?'.repeat(12);

type Conditions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The site's own roles use its bucket as the table says; nobody else uses it. */
export function guardSite(
  bucket: s3.Bucket,
  federation: Federation,
  site: string,
  tasks: sqs.Queue | undefined,
  queueKey: kms.Key | undefined,
): void {
  const place = placeOf(
    federation,
    federation.sites.find(({ id }) => id === site),
  );
  const deny = denierOf(bucket);
  const arnOf = (role: (typeof SITE_ROLES)[number]) =>
    roleArn(bucket, place, names.siteRole(federation.id, site, role));
  denyObjects(bucket, siteGuards(site), arnOf);
  denyConfiguration(bucket, federation);
  const access = siteAccess(site);
  const lists = SITE_ROLES.map((role) => ({ role: arnOf(role), ...access[role].own }));
  const listers = lists.filter(({ list = [] }) => list.length > 0).map(({ role }) => role);
  const erasers = lists.filter(({ erase }) => erase).map(({ role }) => role);
  const arns = [bucketArn(bucket, names.siteBucket(federation.id, site))];
  deny(['s3:ListBucket'], arns, { ArnNotEquals: { 'aws:PrincipalArn': listers } });
  deny(LISTS.slice(1), arns, { ArnNotEquals: { 'aws:PrincipalArn': erasers } });
  for (const { role, list = [] } of lists) {
    if (list === 'everything' || list.length === 0) continue;
    deny(['s3:ListBucket'], arns, { ArnEquals: { 'aws:PrincipalArn': role }, StringNotLike: { 's3:prefix': list } });
  }
  const coordinator = placeOf(federation);
  if (!tasks || !coordinator.account || !isInOtherAccount(bucket, coordinator)) return;
  const senders = SENDERS.map((role) => roleArn(bucket, coordinator, names.federationRole(federation.id, role)));
  const principals = [new iam.AccountPrincipal(coordinator.account)];
  const onlySenders = { ArnEquals: { 'aws:PrincipalArn': senders } };
  tasks.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'SentByTheCoordinator',
      principals,
      actions: ['sqs:SendMessage', 'sqs:GetQueueUrl'],
      resources: [tasks.queueArn],
      conditions: onlySenders,
    }),
  );
  queueKey?.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'SentByTheCoordinator',
      principals,
      actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
      resources: ['*'],
      conditions: { ...onlySenders, StringEquals: { 'kms:ViaService': `sqs.${place.region}.amazonaws.com` } },
    }),
  );
}

/**
 * The coordinator's roles use its bucket as the table says. Roles of sites use what is their own, and what is for all
 * sites; nobody else uses it. Gives the accounts of sites the access that the sites' roles need.
 */
export function letSitesIn(bucket: s3.Bucket, federation: Federation): void {
  const name = names.federationBucket(federation.id);
  const place = placeOf(federation);
  const arns = [bucketArn(bucket, name)];
  const deny = denierOf(bucket);
  const arnOf = (role: (typeof FEDERATION_ROLES)[number]) =>
    roleArn(bucket, place, names.federationRole(federation.id, role));
  const coordinator = FEDERATION_ROLES.map(arnOf);
  denyObjects(bucket, federationGuards(), arnOf);
  denyConfiguration(bucket, federation);
  // The tag alone is no proof: a session may bring its own. The name of a role ends a session's choice.
  const ofSites = [...SITE_ROLES, MACHINE_ROLE as typeof MACHINE_ROLE].map((role) =>
    roleArn(bucket, { account: ANY_ACCOUNT }, names.siteRole(federation.id, TAGGED_SITE, role)),
  );
  deny([...OBJECT_ACTIONS.read, ...OBJECT_ACTIONS.write, 's3:ListBucket'], [...arns, bucket.arnForObjects('*')], {
    // IAM documents variables in values of string operators first of all.
    StringNotLike: { 'aws:PrincipalArn': [...coordinator, ...ofSites] },
  });
  deny(['s3:ListBucket'], arns, {
    ArnNotEquals: { 'aws:PrincipalArn': coordinator },
    StringNotLike: { 's3:prefix': machineAccess(TAGGED_SITE).list },
  });
  deny(LISTS.slice(1), arns);
  const guests = federation.sites.filter((site) => isInOtherAccount(bucket, placeOf(federation, site)));
  if (guests.length === 0) return;
  const accountIds = [...new Set(guests.map(({ account }) => account as string))];
  const accounts = accountIds.map((id) => new iam.AccountPrincipal(id));
  const { own, shared } = siteReach(TAGGED_SITE);
  const allow = (actions: string[], resources: string[], conditions = {}) =>
    bucket.addToResourcePolicy(new iam.PolicyStatement({ principals: accounts, actions, resources, conditions }));
  allow(['s3:GetObject'], objectArns(bucket, name, shared.read ?? []));
  // The condition limits listing only, and allows a listing without a prefix; the guard above denies that one.
  allow(
    ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListBucket'],
    [...arns, ...objectArns(bucket, name, distinctPatterns([...(own.read ?? []), ...(own.write ?? [])]))],
    { StringLikeIfExists: { 's3:prefix': [...(shared.list ?? []), ...(own.list ?? [])] } },
  );
  // An account may tag its roles as it likes: it acts as its own sites only.
  for (const account of accountIds) {
    const sites = guests.filter((site) => site.account === account).map(({ id }) => id);
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        principals: [new iam.AccountPrincipal(account)],
        actions: ['s3:*'],
        resources: [...arns, bucket.arnForObjects('*')],
        conditions: { StringNotEquals: { [`aws:PrincipalTag/${SITE_TAG}`]: sites.length === 1 ? sites[0] : sites } },
      }),
    );
  }
  const bytes = policyBytes(bucket, bucket.policy?.document, bucketArn(bucket, name));
  if (bytes > BUCKET_POLICY_BYTES) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `For ${guests.length} sites in accounts of their own, the policy of ${name} has ${bytes} bytes; S3 accepts ${BUCKET_POLICY_BYTES}.`,
      { hint: "Put some sites into the coordinator's account, or shorten their ids." },
    );
  }
}

/** What the function or machine that consumes a queue does with it, and what a sender does. */
const CONSUMES = ['ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes', 'GetQueueUrl'];
const SENDS = ['SendMessage', 'GetQueueUrl'];

/**
 * Denies the federation's roles every use of a queue and of its dead letters, but for its consumer and, at a site's GPU task
 * queue, for the coordinator's senders, whatever the roles are granted.
 */
export function guardQueue(queue: sqs.Queue, spec: QueueSpec, federation: Federation): void {
  const { site, handler } = spec;
  const place = placeOf(federation);
  const coordinator = (roles: readonly FederationRole[]) =>
    roles.map((role) => roleArn(queue, place, names.federationRole(federation.id, role)));
  const isHandler = (role: string) => role === handler;
  const ofSite = ([handler, MACHINE_ROLE] as (SiteRole | typeof MACHINE_ROLE)[]).map((role) =>
    roleArn(queue, spec, names.siteRole(federation.id, site ?? '', role)),
  );
  const consumers = site === undefined ? coordinator(FEDERATION_ROLES.filter(isHandler)) : ofSite;
  const senders = isGpuTaskQueue(spec) ? coordinator(SENDERS) : [];
  const others = coordinator(FEDERATION_ROLES).filter((arn) => ![...consumers, ...senders].includes(arn));
  const deny = (
    on: sqs.IQueue,
    actions: Pick<iam.PolicyStatementProps, 'actions' | 'notActions'>,
    conditions: Conditions,
  ) =>
    on.addToResourcePolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        ...actions,
        resources: [on.queueArn],
        conditions,
      }),
    );
  const all = { actions: ['sqs:*'] };
  const only = (actions: readonly string[]) => ({ notActions: actions.map((action) => `sqs:${action}`) });
  const isOfSite = { Null: { [`aws:PrincipalTag/${SITE_TAG}`]: 'false' } };
  const named = (arns: readonly string[]) => ({ ArnEquals: { 'aws:PrincipalArn': arns } });
  // The tag alone is no proof: a session may bring another site's.
  deny(queue, all, { ...isOfSite, ...(site === undefined ? {} : { ArnNotEquals: { 'aws:PrincipalArn': ofSite } }) });
  deny(queue, all, named(others));
  deny(queue, only(CONSUMES), named(consumers));
  if (senders.length > 0) deny(queue, only(SENDS), named(senders));
  const letters = queue.deadLetterQueue?.queue;
  if (!letters) return;
  deny(letters, all, isOfSite);
  deny(letters, all, named(coordinator(FEDERATION_ROLES)));
}

/** Denies the federation's roles the bucket of the access logs, whose keys name cases, and which show what they did. */
export function guardLogs(logs: s3.Bucket, federation: Federation): void {
  for (const conditions of ofFederationRoles(logs, federation)) {
    denierOf(logs)(['s3:*'], [logs.bucketArn, logs.arnForObjects('*')], conditions);
  }
}

/**
 * Denies everyone to store objects in a way that makes them unreadable for others: in an archive, or with a key of their
 * own. Objects are encrypted as the bucket says.
 */
export function denyOwnStorage(bucket: s3.Bucket): void {
  const isGiven = (header: string) => ({ Null: { [`s3:x-amz-${header}`]: 'false' } });
  for (const conditions of [
    { ...isGiven('storage-class'), StringNotEquals: { 's3:x-amz-storage-class': 'STANDARD' } },
    isGiven('server-side-encryption'),
    isGiven('server-side-encryption-customer-algorithm'),
  ]) {
    denierOf(bucket)(['s3:PutObject'], [bucket.arnForObjects('*')], conditions);
  }
}

/** Adds the guards of a bucket's objects, and denies every other action on them to everyone. */
function denyObjects<R extends string>(
  bucket: s3.Bucket,
  guards: readonly Guard<R>[],
  arnOf: (role: R) => string,
): void {
  const deny = denierOf(bucket);
  const arnsOf = (keys: readonly string[]) => keys.map((key) => bucket.arnForObjects(key));
  // Uses that the same guard denies share a statement.
  const statements = new Map<string, { readonly uses: Use[]; readonly guard: Guard<R> }>();
  for (const { use, ...guard } of guards) {
    const id = JSON.stringify(guard);
    const statement = statements.get(id) ?? { uses: [], guard: { use, ...guard } };
    statement.uses.push(use);
    statements.set(id, statement);
  }
  for (const { uses, guard } of statements.values()) {
    const { keys, roles } = guard;
    const conditions: Conditions =
      'except' in roles
        ? roles.except.length > 0
          ? { ArnNotEquals: { 'aws:PrincipalArn': roles.except.map(arnOf) } }
          : {}
        : { ArnEquals: { 'aws:PrincipalArn': roles.map(arnOf) } };
    const actions = uses.flatMap((use) => OBJECT_ACTIONS[use]);
    if ('except' in keys && keys.except.length > 0) deny(actions, { except: arnsOf(keys.except) }, conditions);
    else deny(actions, arnsOf('except' in keys ? ['*'] : keys), conditions);
  }
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'NothingElse',
      effect: iam.Effect.DENY,
      principals: [new iam.AnyPrincipal()],
      notActions: Object.values(OBJECT_ACTIONS).flat(),
      resources: [bucket.arnForObjects('*')],
    }),
  );
}

/** Denies the federation's roles, whatever they are granted, to change a bucket: its policy, versions, expiry, events. */
function denyConfiguration(bucket: s3.Bucket, federation: Federation): void {
  for (const conditions of ofFederationRoles(bucket, federation)) {
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        notActions: LISTS,
        resources: [bucket.bucketArn],
        conditions,
      }),
    );
  }
}

/** The coordinator's roles, and those of sites. */
const ofFederationRoles = (bucket: s3.Bucket, federation: Federation): readonly Conditions[] => [
  {
    ArnEquals: {
      'aws:PrincipalArn': FEDERATION_ROLES.map((role) =>
        roleArn(bucket, placeOf(federation), names.federationRole(federation.id, role)),
      ),
    },
  },
  { Null: { [`aws:PrincipalTag/${SITE_TAG}`]: 'false' } },
];

const denierOf =
  (bucket: s3.Bucket) =>
  (
    actions: readonly string[],
    resources: readonly string[] | { readonly except: string[] },
    conditions: Conditions = {},
  ) =>
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: [...actions],
        ...('except' in resources ? { notResources: resources.except } : { resources: [...resources] }),
        conditions,
      }),
    );

const BUCKET_POLICY_BYTES = 20_480;
