import { z } from 'zod';
import { SqsError } from './error.ts';

export type QueueAttributes = Readonly<Record<string, string>>;

/** Attributes of a queue by default. */
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

/** Stored and returned, but without effect: the emulator has no permissions and no keys. */
const WITHOUT_EFFECT = ['KmsMasterKeyId', 'Policy', 'RedriveAllowPolicy', 'SqsManagedSseEnabled'];

const redrivePolicySchema = z.object({
  deadLetterTargetArn: z.string().min(1),
  maxReceiveCount: z.coerce.number().int().min(1).max(1000),
});

/** Dead-letter queue, and the number of receives before a message goes there. */
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
 * @param exists whether a queue with an ARN exists
 * @throws SqsError InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue, UnsupportedOperation
 */
export function checkAttributes(attributes: QueueAttributes, exists: (arn: string) => boolean): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'FifoQueue') throw new SqsError('UnsupportedOperation', 'This server has no FIFO queues.');
    const range = Object.hasOwn(RANGES, name) ? RANGES[name] : undefined;
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

/** Applies changes. An empty value removes an attribute. */
export const mergedAttributes = (current: QueueAttributes, changes: QueueAttributes): QueueAttributes =>
  Object.fromEntries(Object.entries({ ...current, ...changes }).filter(([, value]) => value !== ''));
