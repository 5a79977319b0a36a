import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Place } from '../lib/federation/topology.ts';

/**
 * ARNs by the names of things, since stacks do not refer to each other: each can be deployed by itself, into whatever
 * account, before or after the others.
 */
export const bucketArn = (scope: Construct, name: string): string => `arn:${Stack.of(scope).partition}:s3:::${name}`;

export const objectArns = (scope: Construct, bucket: string, keys: readonly string[]): string[] =>
  keys.map((key) => `${bucketArn(scope, bucket)}/${key}`);

export const roleArn = (scope: Construct, place: Place, name: string): string =>
  `arn:${Stack.of(scope).partition}:iam::${accountOf(scope, place)}:role/${name}`;

export const queueArn = (scope: Construct, place: Place, name: string): string =>
  `arn:${Stack.of(scope).partition}:sqs:${regionOf(scope, place)}:${accountOf(scope, place)}:${name}`;

/** A place that is not given is the stack's own. */
export const accountOf = (scope: Construct, { account }: Place): string => account ?? Stack.of(scope).account;
export const regionOf = (scope: Construct, { region }: Place): string => region ?? Stack.of(scope).region;

/** Whether a place is in another account than a stack. */
export const isElsewhere = (scope: Construct, { account }: Place): boolean =>
  account !== undefined && account !== Stack.of(scope).account;

/** The names that keys go by: they are random ids otherwise, which no policy could be written for beforehand. */
export const bucketKeyAlias = (bucket: string): string => `alias/${bucket}`;
export const queueKeyAlias = (bucket: string): string => `alias/${bucket}-queues`;
