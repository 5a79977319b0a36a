import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Stack } from 'aws-cdk-lib/core';
import { FedcardioError } from '../lib/error.ts';
import { ONLY_WRITERS, SENDERS, SITE_READERS, siteReach } from '../lib/federation/access.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { names, placeOf } from '../lib/federation/topology.ts';
import { bucketArn, isInOtherAccount, objectArns, roleArn } from './arns.ts';

/**
 * Resource policies of buckets, queues and keys. They hold in addition to the policies of the roles.
 *
 * They name roles in conditions, not as principals: a principal must exist when a policy is stored, and the roles are
 * created after the data stacks.
 */

/**
 * Lets only the site's own roles read its objects, whatever other roles of the account are granted by mistake. Lets a
 * coordinator in another account send to the GPU task queue.
 */
export function guardSite(
  bucket: s3.Bucket,
  federation: Federation,
  site: string,
  tasks: sqs.Queue | undefined,
  queueKey: kms.Key,
): void {
  const place = placeOf(
    federation,
    federation.sites.find(({ id }) => id === site),
  );
  const readers = SITE_READERS.map((role) => roleArn(bucket, place, names.siteRole(federation.id, site, role)));
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'ReadByItsOwnRoles',
      effect: iam.Effect.DENY,
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:GetObject', 's3:GetObjectVersion'],
      resources: [bucket.arnForObjects('*')],
      conditions: { ArnNotEquals: { 'aws:PrincipalArn': readers } },
    }),
  );
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
  queueKey.addToResourcePolicy(
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
 * Lets only the coordinator's roles write what the coordinator writes, whatever other roles are granted by mistake. Gives
 * the accounts of sites the access that the sites' roles need; each account decides which of its roles use it.
 */
export function letSitesIn(bucket: s3.Bucket, key: kms.Key, federation: Federation): void {
  const name = names.federationBucket(federation.id);
  const place = placeOf(federation);
  for (const { sid, keys, roles } of ONLY_WRITERS) {
    const writers = roles.map((role) => roleArn(bucket, place, names.federationRole(federation.id, role)));
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        sid,
        effect: iam.Effect.DENY,
        principals: [new iam.AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: objectArns(bucket, name, keys),
        conditions: { ArnNotEquals: { 'aws:PrincipalArn': writers } },
      }),
    );
  }
  const guests = federation.sites.filter((site) => isInOtherAccount(bucket, placeOf(federation, site)));
  const [guest] = guests;
  if (!guest) return;
  const accounts = [...new Set(guests.map(({ account }) => account as string))].map(
    (id) => new iam.AccountPrincipal(id),
  );
  const { shared } = siteReach(guest.id);
  const allow = (principals: iam.IPrincipal[], actions: string[], resources: string[], conditions = {}) =>
    bucket.addToResourcePolicy(new iam.PolicyStatement({ principals, actions, resources, conditions }));
  allow(accounts, ['s3:GetObject'], objectArns(bucket, name, shared.read ?? []));
  allow(accounts, ['s3:ListBucket'], [bucketArn(bucket, name)], { StringLike: { 's3:prefix': shared.list } });
  for (const { id, account } of guests) {
    const { own } = siteReach(id);
    // One statement per site, since all must fit into one policy. The condition limits listing only, and allows a listing
    // without a prefix; the statement below denies that one.
    allow(
      [new iam.AccountPrincipal(account as string)],
      ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListBucket'],
      [bucketArn(bucket, name), ...objectArns(bucket, name, [...new Set([...(own.read ?? []), ...(own.write ?? [])])])],
      { StringLikeIfExists: { 's3:prefix': own.list } },
    );
  }
  bucket.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'SitesListNoMore',
      effect: iam.Effect.DENY,
      principals: accounts,
      actions: ['s3:ListBucket'],
      resources: [bucketArn(bucket, name)],
      conditions: { Null: { 's3:prefix': 'true' } },
    }),
  );
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'SitesReadAndWrite',
      principals: accounts,
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: { StringEquals: { 'kms:ViaService': `s3.${place.region}.amazonaws.com` } },
    }),
  );
  const bytes = JSON.stringify(Stack.of(bucket).resolve(bucket.policy?.document)).length;
  if (bytes > BUCKET_POLICY_BYTES) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `For ${guests.length} sites in accounts of their own, the policy of ${name} has ${bytes} bytes; S3 accepts ${BUCKET_POLICY_BYTES}.`,
      { hint: "Put some sites into the coordinator's account, or shorten their ids." },
    );
  }
}

const BUCKET_POLICY_BYTES = 20_480;
