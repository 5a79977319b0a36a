import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Stack } from 'aws-cdk-lib/core';

/** Where a stack's alarms go. Who is to hear of them subscribes to it, which no template can do for them. */
export function addAlarmTopic(stack: Stack, masterKey: kms.IKey): sns.Topic {
  const topic = new sns.Topic(stack, 'AlarmTopic', { masterKey, enforceSSL: true });
  for (const service of ['cloudwatch.amazonaws.com', 'events.amazonaws.com']) {
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal(service)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
      }),
    );
  }
  return topic;
}
