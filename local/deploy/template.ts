import { z } from 'zod';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { parseValue } from '../../lib/json.ts';

/** The part of CloudFormation templates that can be replayed. Ids are logical ids. */
export interface Replay {
  readonly queues: readonly QueueResource[];
  readonly buckets: readonly BucketResource[];
  /** All other kinds of declarations, such as `KMS::Key` and `S3::Bucket (VersioningConfiguration)`. */
  readonly notApplied: readonly string[];
}

export interface QueueResource {
  readonly id: string;
  readonly name: string;
  readonly visibilityTimeoutSeconds?: number | undefined;
  readonly receiveWaitSeconds?: number | undefined;
  readonly retentionSeconds?: number | undefined;
  readonly deadLetters?: { readonly queueId: string; readonly maxReceiveCount: number } | undefined;
}

export interface BucketResource {
  readonly id: string;
  readonly name: string;
  readonly notifications: readonly {
    readonly event: string;
    readonly queueId: string;
    readonly filters: readonly { readonly name: 'prefix' | 'suffix'; readonly value: string }[];
  }[];
}

/** Reference to the ARN of a queue in the same template. No other reference is supported. */
const arnOf = z
  .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) })
  .transform((reference) => reference['Fn::GetAtt'][0]);

const queueProperties = z.object({
  QueueName: z.string(),
  VisibilityTimeout: z.int().optional(),
  ReceiveMessageWaitTimeSeconds: z.int().optional(),
  MessageRetentionPeriod: z.int().optional(),
  RedrivePolicy: z.strictObject({ deadLetterTargetArn: arnOf, maxReceiveCount: z.int() }).optional(),
});

const filterRule = z.strictObject({ Name: z.enum(['prefix', 'suffix']), Value: z.string() });
const notification = z.strictObject({
  Event: z.string(),
  Queue: arnOf,
  Filter: z.strictObject({ S3Key: z.strictObject({ Rules: z.array(filterRule) }) }).optional(),
});

const bucketProperties = z.object({
  BucketName: z.string(),
  NotificationConfiguration: z.strictObject({ QueueConfigurations: z.array(notification) }).optional(),
});

const templateSchema = z.looseObject({
  Resources: z.record(
    z.string(),
    z.looseObject({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) }),
  ),
});

/**
 * Reads the queues and buckets of templates, and lists all other declarations.
 *
 * @throws FedcardioError BAD_MESSAGE if a queue or bucket cannot be replayed, for example without a name or with a
 *   reference to another stack
 */
export function readTemplates(templates: readonly StackTemplate[]): Replay {
  const queues: QueueResource[] = [];
  const buckets: BucketResource[] = [];
  /** Properties by type that are not applied. Empty if the whole type is not applied. */
  const notRead = new Map<string, ReadonlySet<string>>();

  for (const { stackName, template } of templates) {
    const { Resources } = parseValue(template, templateSchema, `template of ${stackName}`);
    // Ids are unique within one template only.
    const within = (id: string) => `${stackName}/${id}`;
    for (const [id, { Type, Properties }] of Object.entries(Resources)) {
      const where = `${Type} ${id} of ${stackName}`;
      const type = Type.replace('AWS::', '');
      if (Type === 'AWS::SQS::Queue') {
        queues.push(queueOf(within, id, parseValue(Properties, queueProperties, where)));
        addNotRead(notRead, type, Properties, queueProperties);
      } else if (Type === 'AWS::S3::Bucket' && !('BucketName' in Properties)) {
        // CloudFormation would generate its name, so the local federation does not use it.
        notRead.set('S3::Bucket without a name', new Set());
      } else if (Type === 'AWS::S3::Bucket') {
        buckets.push(bucketOf(within, id, parseValue(Properties, bucketProperties, where)));
        addNotRead(notRead, type, Properties, bucketProperties);
      } else {
        notRead.set(type, new Set());
      }
    }
  }
  const notApplied = [...notRead].map(([type, properties]) =>
    properties.size > 0 ? `${type} (${[...properties].sort().join(', ')})` : type,
  );
  return { queues, buckets, notApplied: notApplied.sort() };
}

function queueOf(
  within: (id: string) => string,
  id: string,
  properties: z.infer<typeof queueProperties>,
): QueueResource {
  const redrive = properties.RedrivePolicy;
  return {
    id: within(id),
    name: properties.QueueName,
    visibilityTimeoutSeconds: properties.VisibilityTimeout,
    receiveWaitSeconds: properties.ReceiveMessageWaitTimeSeconds,
    retentionSeconds: properties.MessageRetentionPeriod,
    deadLetters: redrive && {
      queueId: within(redrive.deadLetterTargetArn),
      maxReceiveCount: redrive.maxReceiveCount,
    },
  };
}

function bucketOf(
  within: (id: string) => string,
  id: string,
  properties: z.infer<typeof bucketProperties>,
): BucketResource {
  const notifications = properties.NotificationConfiguration?.QueueConfigurations ?? [];
  return {
    id: within(id),
    name: properties.BucketName,
    notifications: notifications.map(({ Event, Queue, Filter }) => ({
      event: Event,
      queueId: within(Queue),
      filters: (Filter?.S3Key.Rules ?? []).map(({ Name, Value }) => ({ name: Name, value: Value })),
    })),
  };
}

/** Notes the properties that the schema does not read. */
function addNotRead(
  notRead: Map<string, ReadonlySet<string>>,
  type: string,
  properties: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
): void {
  const names = Object.keys(properties).filter((name) => !(name in schema.shape));
  if (names.length > 0) notRead.set(type, new Set([...(notRead.get(type) ?? []), ...names]));
}
