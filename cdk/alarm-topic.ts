import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Stack } from 'aws-cdk-lib/core';

/** The topic of a stack's alarms. People subscribe to it themselves. */
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
