import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';

/** The key that encrypts a stack's logs and alarms. Only the services that write them may use it. */
export function addLogKey(scope: Construct): kms.Key {
  const { region, account, partition } = Stack.of(scope);
  const key = new kms.Key(scope, 'LogKey', {
    description: `Logs and alarms of ${Stack.of(scope).stackName}`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const allow = (sid: string, service: string, conditions: Record<string, unknown>) =>
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        sid,
        principals: [new iam.ServicePrincipal(service)],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:DescribeKey'],
        resources: ['*'],
        conditions,
      }),
    );
  allow('Logs', `logs.${region}.amazonaws.com`, {
    ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` },
  });
  for (const [sid, service] of [
    ['Alarms', 'cloudwatch.amazonaws.com'],
    ['Events', 'events.amazonaws.com'],
  ] as const) {
    allow(sid, service, { StringEquals: { 'aws:SourceAccount': account } });
  }
  return key;
}
