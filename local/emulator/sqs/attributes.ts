import { z } from 'zod';
import { SqsError } from './error.ts';

export type QueueAttributes = Readonly<Record<string, string>>;

/** What a queue has when nothing was said. */
export const DEFAULT_ATTRIBUTES: QueueAttributes = {
  DelaySeconds: '0',
  MaximumMessageSize: String(1024 ** 2),
  MessageRetentionPeriod: String(4 * 24 * 3600),
  ReceiveMessageWaitTimeSeconds: '0',
  VisibilityTimeout: '30',
};

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  DelaySeconds: [0, 900],
  KmsDataKeyReusePeriodSeconds: [60, 86_400],
  MaximumMessageSize: [1024, 1024 ** 2],
  MessageRetentionPeriod: [60, 14 * 24 * 3600],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  VisibilityTimeout: [0, 43_200],
};

/** Kept and given back, without effect: there are no permissions and no keys here. */
const WITHOUT_EFFECT = ['KmsMasterKeyId', 'Policy', 'RedriveAllowPolicy', 'SqsManagedSseEnabled'];

const redrivePolicySchema = z.object({
  deadLetterTargetArn: z.string().min(1),
  maxReceiveCount: z.coerce.number().int().min(1).max(1000),
});

/** Where messages go that were received too often. */
export function redrivePolicyOf(attributes: QueueAttributes): z.infer<typeof redrivePolicySchema> | undefined {
  const { RedrivePolicy } = attributes;
  if (!RedrivePolicy) return undefined;
  try {
    return redrivePolicySchema.parse(JSON.parse(RedrivePolicy));
  } catch {
    throw new SqsError('InvalidParameterValue', `Value ${RedrivePolicy} for parameter RedrivePolicy is invalid.`);
  }
}

/**
 * Checks attributes that a client sets.
 *
 * @param exists whether there is a queue of an ARN
 * @throws SqsError InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue, UnsupportedOperation
 */
export function checkAttributes(attributes: QueueAttributes, exists: (arn: string) => boolean): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'FifoQueue') throw new SqsError('UnsupportedOperation', 'This server has no FIFO queues.');
    const range = RANGES[name];
    if (!range && name !== 'RedrivePolicy' && !WITHOUT_EFFECT.includes(name)) {
      throw new SqsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
    }
    if (range && !(/^\d+$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1])) {
      throw new SqsError('InvalidAttributeValue', `${name} must be a whole number from ${range[0]} to ${range[1]}.`);
    }
  }
  const policy = redrivePolicyOf(attributes);
  if (policy && !exists(policy.deadLetterTargetArn)) {
    throw new SqsError(
      'InvalidParameterValue',
      `Value ${attributes.RedrivePolicy} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.`,
    );
  }
}

/** Attributes with changes, where an empty policy takes one away. */
export const mergedAttributes = (current: QueueAttributes, changes: QueueAttributes): QueueAttributes =>
  Object.fromEntries(Object.entries({ ...current, ...changes }).filter(([, value]) => value !== ''));
