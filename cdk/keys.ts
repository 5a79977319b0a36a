import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { Fn, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { encryptionOf, names, placeOf } from '../lib/federation/topology.ts';
import { bucketArn, isInOtherAccount } from './arns.ts';
import { KEPT } from './stack-options.ts';

/** A customer key with an alias, if one is given. */
export function addKey(stack: Stack, id: string, description: string, alias?: string): kms.Key {
  const key = new kms.Key(stack, id, { description, enableKeyRotation: true, removalPolicy: KEPT });
  // Roles find keys by their aliases: a kept key is of use with its alias only.
  if (alias)
    new kms.CfnAlias(stack, `${id}Alias`, { aliasName: alias, targetKeyId: key.keyArn }).applyRemovalPolicy(KEPT);
  return key;
}

/** A stack that holds the shared key of its account and region. */
export class KeyStack extends Stack {}

/** Name of the export of the shared key's ARN. Exports are unique in an account and region, as shared keys are. */
export const sharedKeyExport = (federation: Federation): string => `${federation.id}-key-arn`;

/** Id of the shared key in the stacks that use it. */
export const SHARED_KEY = 'SharedKey';

/** The key that a federation has in this account and region, for a stack that uses it: it is deployed after the key's. */
export function sharedKey(stack: Stack, federation: Federation): kms.IKey {
  const isHere = (one: unknown): one is KeyStack => one instanceof KeyStack && one.environment === stack.environment;
  stack.addStackDependency(stack.node.root.node.children.find(isHere) as KeyStack);
  return kms.Key.fromKeyArn(stack, SHARED_KEY, Fn.importValue(sharedKeyExport(federation)));
}

/**
 * The key of a stack's logs and alarms.
 *
 * @param site undefined for the coordinator
 * @returns undefined for AWS's own encryption
 */
export function logKeyOf(stack: Stack, federation: Federation, site?: Site): kms.IKey | undefined {
  switch (encryptionOf(federation, site)) {
    case 'shared-key':
      return sharedKey(stack, federation);
    case 's3-managed':
      return undefined;
    case 'key-per-bucket': {
      const key = addKey(stack, 'LogKey', `Logs and alarms of ${stack.stackName}`);
      allowLogsAndAlarms(key);
      return key;
    }
  }
}

/** Lets CloudWatch encrypt logs of the account, and CloudWatch and EventBridge messages to topics of the account. */
export function allowLogsAndAlarms(key: kms.Key): void {
  const { region, account, partition } = Stack.of(key);
  const allow = (sid: string, services: readonly string[], actions: string[], context: Record<string, string>) =>
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        sid,
        principals: services.map((service) => new iam.ServicePrincipal(service)),
        actions,
        resources: ['*'],
        conditions: { ArnLike: context },
      }),
    );
  const encrypt = ['kms:Decrypt', 'kms:GenerateDataKey*'];
  allow('Logs', [`logs.${region}.amazonaws.com`], [...encrypt, 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:DescribeKey'], {
    'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*`,
  });
  // EventBridge supports neither aws:SourceAccount nor aws:SourceArn here (SNS developer guide, "Managing Amazon SNS
  // encryption keys"). SNS passes the topic (the same guide, "Setting up Amazon SNS topic encryption").
  allow('Alarms', ['cloudwatch.amazonaws.com', 'events.amazonaws.com'], encrypt, {
    'kms:EncryptionContext:aws:sns:topicArn': `arn:${partition}:sns:${region}:${account}:*`,
  });
}

/** Lets accounts of sites use the key of the federation bucket, through S3 and for that bucket only. */
export function allowGuests(key: kms.Key, federation: Federation): void {
  const accounts = new Set(
    federation.sites
      .filter((site) => isInOtherAccount(key, placeOf(federation, site)))
      .map(({ account }) => account as string),
  );
  if (accounts.size === 0) return;
  key.addToResourcePolicy(
    new iam.PolicyStatement({
      sid: 'SitesReadAndWrite',
      principals: [...accounts].map((account) => new iam.AccountPrincipal(account)),
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: {
        StringEquals: {
          'kms:ViaService': `s3.${placeOf(federation).region}.amazonaws.com`,
          ...bucketContext(key, names.federationBucket(federation.id)),
        },
      },
    }),
  );
}

/** The encryption context that S3 passes to a key for objects of a bucket with a bucket key: the bucket's ARN, no object's. */
export const bucketContext = (scope: Construct, bucket: string): Readonly<Record<string, string>> => ({
  'kms:EncryptionContext:aws:s3:arn': bucketArn(scope, bucket),
});
