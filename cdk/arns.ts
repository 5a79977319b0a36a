import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { encryptionOf, names, type Place } from '../lib/federation/topology.ts';

/**
 * ARNs from names. Stacks do not refer to each other, so that each can be deployed by itself, into any account, before or
 * after the others.
 */
export const bucketArn = (scope: Construct, name: string): string => `arn:${Stack.of(scope).partition}:s3:::${name}`;

export const objectArns = (scope: Construct, bucket: string, keys: readonly string[]): string[] =>
  keys.map((key) => `${bucketArn(scope, bucket)}/${key}`);

export const roleArn = (scope: Construct, place: Place, name: string): string =>
  `arn:${Stack.of(scope).partition}:iam::${accountOf(scope, place)}:role/${name}`;

export const queueArn = (scope: Construct, place: Place, name: string): string =>
  `arn:${Stack.of(scope).partition}:sqs:${regionOf(scope, place)}:${accountOf(scope, place)}:${name}`;

/** The account or region of a place. Default: the stack's. */
export const accountOf = (scope: Construct, { account }: Place): string => account ?? Stack.of(scope).account;
export const regionOf = (scope: Construct, { region }: Place): string => region ?? Stack.of(scope).region;

/** Whether a place is in another account than the stack. */
export const isInOtherAccount = (scope: Construct, { account }: Place): boolean =>
  account !== undefined && account !== Stack.of(scope).account;

/** Aliases of keys. Their ids are random, so that policies cannot name them in advance. */
export interface KeyAliases {
  /** Key of a bucket's objects. Undefined with S3's own encryption. */
  readonly objects?: string;
  /** Key of the messages in queues. Undefined with SQS's own encryption. */
  readonly messages?: string;
}

export const sharedKeyAlias = (federation: string): string => `alias/${federation}`;

/**
 * Aliases that the keys of a bucket and of its queues may have had, whatever `encryption` says now. S3 and SQS do not encrypt again
 * what is stored when it changes, and keys stay with their aliases.
 */
export const everyKeyAliasOf = (federation: string, bucket: string) => ({
  objects: [sharedKeyAlias(federation), names.bucketKeyAlias(bucket)],
  messages: names.queueKeyAlias(bucket),
});

/**
 * The keys that encrypt what is written.
 *
 * @param site undefined for the coordinator
 */
export function keyAliasesOf(federation: Federation, site?: Site): KeyAliases {
  const bucket = site ? names.siteBucket(federation.id, site.id) : names.federationBucket(federation.id);
  switch (encryptionOf(federation, site)) {
    case 'shared-key':
      return { objects: sharedKeyAlias(federation.id) };
    case 'key-per-bucket':
      return { objects: names.bucketKeyAlias(bucket), messages: names.queueKeyAlias(bucket) };
    case 's3-managed':
      return {};
  }
}
