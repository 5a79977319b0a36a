import * as sns from 'aws-cdk-lib/aws-sns';
import { Stack } from 'aws-cdk-lib/core';
import { sha256Hex } from '../lib/json.ts';

/**
 * Subscribes to the topic of a stack's alarms. People confirm a subscription by the message that they get. An SQS queue or a
 * function must allow the topic to send to it.
 */
export function addSubscribers(topic: sns.ITopic, endpoints: readonly string[] = []): void {
  for (const endpoint of new Set(endpoints)) {
    // Named after the endpoint, so that the order of the list does not matter.
    new sns.Subscription(Stack.of(topic), `Subscriber${sha256Hex(endpoint).slice(0, 8)}`, {
      topic,
      endpoint,
      protocol: protocolOf(endpoint),
    });
  }
}

function protocolOf(endpoint: string): sns.SubscriptionProtocol {
  const service = /^arn:[a-z-]+:(sqs|lambda):/.exec(endpoint)?.[1];
  if (service === 'sqs') return sns.SubscriptionProtocol.SQS;
  if (service === 'lambda') return sns.SubscriptionProtocol.LAMBDA;
  return endpoint.startsWith('https://') ? sns.SubscriptionProtocol.HTTPS : sns.SubscriptionProtocol.EMAIL;
}
