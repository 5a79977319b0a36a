import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as sns from 'aws-cdk-lib/aws-sns';
import type { Stack } from 'aws-cdk-lib/core';

/**
 * The topic of a stack's alarms. People subscribe to it themselves.
 *
 * @param masterKey default: AWS's own encryption of topics
 */
export function addAlarmTopic(stack: Stack, masterKey: kms.IKey | undefined): sns.Topic {
  const topic = new sns.Topic(stack, 'AlarmTopic', { ...(masterKey ? { masterKey } : {}), enforceSSL: true });
  const publish = (service: string, conditions = {}) =>
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal(service)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions,
      }),
    );
  publish('cloudwatch.amazonaws.com', { StringEquals: { 'aws:SourceAccount': stack.account } });
  // EventBridge passes no condition keys to topics (EventBridge user guide, "Using resource-based policies", SNS): with a
  // condition, it would drop every message without an error.
  publish('events.amazonaws.com');
  return topic;
}
