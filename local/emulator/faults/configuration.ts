import { z } from 'zod';
import { S3_OPERATIONS } from '../s3/router.ts';
import { SQS_ACTIONS } from '../sqs/actions.ts';

const pattern = z.string().refine(isPattern, { error: 'is not a regular expression' });

/** What every rule says: of what it meets, how much it strikes. */
const matching = {
  /** Regular expression that must match somewhere in `bucket/key`, `bucket`, or a queue's name; all when absent. */
  target: pattern.optional(),
  /** Share of what the rule meets that it strikes. */
  rate: z.number().min(0).max(1).default(1),
  /** Strikes no more than so often. Which ones these are depends on the order in which requests arrive. */
  times: z.int().positive().optional(),
};

const operations = z
  .array(z.enum([...S3_OPERATIONS, ...SQS_ACTIONS]))
  .min(1)
  .optional();
const ms = z.int().min(0).max(3_600_000);

const requestRule = <const F extends string>(fault: F) =>
  z.strictObject({ fault: z.literal(fault), ...matching, operations });
const notificationRule = <const F extends string>(fault: F) => z.strictObject({ fault: z.literal(fault), ...matching });

const requestRules = [
  /** 409 ConditionalRequestConflict, to conditional writes only; nothing is done. */
  requestRule('conflict'),
  /** 503 SlowDown; nothing is done. */
  requestRule('slow-down'),
  /** The work begins `ms` later. */
  requestRule('slow').extend({ ms }),
  /** The connection ends without an answer; nothing is done. */
  requestRule('cut-before'),
  /** The work is done, and the connection ends without an answer. */
  requestRule('cut-after'),
  /** The connection ends half-way through the body of the request; requests without one are not met. */
  requestRule('cut-upload'),
  /** The connection ends half-way through the body of the answer, before an answer without one. */
  requestRule('cut-download'),
] as const;

const notificationRules = [
  /** Sent twice, the second time `ms` later. */
  notificationRule('duplicate').extend({ ms: ms.default(0) }),
  /** Sent `ms` later. */
  notificationRule('delay').extend({ ms }),
  /** Sent behind the next one to the same queue, or after a second when there is none. */
  notificationRule('reorder'),
  /** Never sent. */
  notificationRule('drop'),
] as const;

/**
 * What the server shall do wrong. Of the rules that meet a request or a notification, the first one that strikes is
 * applied. Whether it strikes follows from the seed, the rule, and the how-manieth of its kind the request is to its
 * target: not from the order in which requests to different targets arrive, so that a run can be told again.
 */
export const faultsSchema = z.strictObject({
  seed: z.int().default(0),
  rules: z.array(z.discriminatedUnion('fault', [...requestRules, ...notificationRules])),
});

/** As people write it, with what has a default left out. */
export type FaultsInput = z.input<typeof faultsSchema>;
export type FaultsConfiguration = z.infer<typeof faultsSchema>;
export type FaultRule = FaultsConfiguration['rules'][number];
export type RequestRule = z.infer<(typeof requestRules)[number]>;
export type NotificationRule = z.infer<(typeof notificationRules)[number]>;

const NOTIFICATION_FAULTS: readonly string[] = ['duplicate', 'delay', 'reorder', 'drop'];

export const isNotificationRule = (rule: FaultRule): rule is NotificationRule =>
  NOTIFICATION_FAULTS.includes(rule.fault);

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}
