import { Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { names, type Place } from '../lib/federation/topology.ts';

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
export const { bucketKeyAlias, queueKeyAlias } = names;
