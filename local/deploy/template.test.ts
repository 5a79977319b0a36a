import { describe, expect, test } from 'vitest';
import { synthesizeDataStacks } from '../../cdk/synthesize.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { readTemplates } from './template.ts';

const sorted = <T extends { readonly name: string }>(items: readonly T[]) =>
  items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
const one = (Resources: unknown) => [{ stackName: 's', template: { Resources } }];

describe('reading templates for a replay', () => {
  test('finds every queue and bucket of a topology with its properties', () => {
    const topology = topologyOf({
      schema: 'fedcardio.federation/1',
      id: 'f',
      sites: ['berlin', 'bonn'].map((id) => ({ id, name: id })),
    });

    const { queues, buckets } = readTemplates(synthesizeDataStacks(topology));

    const nameOf = (id: string | undefined) => queues.find((queue) => queue.id === id)?.name;
    const work = queues.filter(({ deadLetters }) => deadLetters);
    expect(queues).toHaveLength(2 * topology.queues.length);
    expect(
      work.map((queue) => ({
        name: queue.name,
        deadLetterQueue: nameOf(queue.deadLetters?.queueId),
        maxReceiveCount: queue.deadLetters?.maxReceiveCount,
        visibilityTimeoutSeconds: queue.visibilityTimeoutSeconds,
      })),
    ).toEqual(
      expect.arrayContaining(
        topology.queues.map(({ name, deadLetterQueue, maxReceiveCount, visibilityTimeoutSeconds }) => ({
          name,
          deadLetterQueue,
          maxReceiveCount,
          visibilityTimeoutSeconds,
        })),
      ),
    );
    expect(
      sorted(buckets).map(({ name, notifications }) => ({
        name,
        notifications: notifications.map(({ event, queueId, filters }) => ({
          event,
          queue: nameOf(queueId),
          ...Object.fromEntries(filters.map((filter) => [filter.name, filter.value])),
        })),
      })),
    ).toEqual(sorted(topology.buckets).map(({ name, notifications }) => ({ name, notifications })));
  });

  test('refuses declarations that cannot be replayed and names them', () => {
    const otherStack = { 'Fn::ImportValue': 'other-queue' };
    const bucket = (Queue: unknown) => ({
      Type: 'AWS::S3::Bucket',
      Properties: {
        BucketName: 'b',
        NotificationConfiguration: { QueueConfigurations: [{ Event: 's3:ObjectCreated:*', Queue }] },
      },
    });

    for (const [resources, where] of [
      [{ Nameless: { Type: 'AWS::SQS::Queue' } }, 'AWS::SQS::Queue Nameless of s: QueueName'],
      [{ B: bucket(otherStack) }, 'AWS::S3::Bucket B of s: NotificationConfiguration.QueueConfigurations[0].Queue'],
      [undefined, 'template of s: Resources'],
    ] as const) {
      expect(() => readTemplates(one(resources))).toThrow(
        expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining(where) }),
      );
    }
  });

  test('lists each kind of unknown resources and properties once', () => {
    const key = { Type: 'AWS::KMS::Key', Properties: { EnableKeyRotation: true } };
    const queue = (QueueName: string) => ({
      Type: 'AWS::SQS::Queue',
      Properties: { QueueName, KmsMasterKeyId: 'k', DelaySeconds: 1 },
    });

    const { notApplied } = readTemplates(one({ A: key, B: key, C: queue('c'), D: queue('d') }));

    expect(notApplied).toEqual(['KMS::Key', 'SQS::Queue (DelaySeconds, KmsMasterKeyId)']);
  });
});
