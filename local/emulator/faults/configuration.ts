import { z } from 'zod';
import { S3_OPERATIONS } from '../s3/router.ts';
import { SQS_ACTIONS } from '../sqs/actions.ts';
import { compilePattern } from './pattern.ts';

const pattern = z.string().superRefine((text, context) => {
  try {
    compilePattern(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

/** Properties of every rule: what it matches, and how often it applies. */
const matching = {
  /** Regular expression of {@link compilePattern} that must match in `bucket/key`, `bucket`, or a queue's name. Matches all by default. */
  target: pattern.optional(),
  /** Share of the matching requests or notifications that the rule applies to. */
  rate: z.number().min(0).max(1).default(1),
  /** Most times that the rule applies. Which requests these are depends on their order of arrival. */
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
  /** 409 ConditionalRequestConflict for conditional writes; without effect. */
  requestRule('conflict'),
  /** 503 SlowDown; without effect. */
  requestRule('slow-down'),
  /** 507 InsufficientStorage; without effect. */
  requestRule('disk-full'),
  /** Starts `ms` later. */
  requestRule('slow').extend({ ms }),
  /** Closes the connection without an answer; without effect. */
  requestRule('cut-before'),
  /** Takes effect, then closes the connection without an answer. */
  requestRule('cut-after'),
  /** Closes the connection after half of the request's body. Does not match requests without a body. */
  requestRule('cut-upload'),
  /** Closes the connection after half of the answer's body, or before an answer without a body. */
  requestRule('cut-download'),
] as const;

const notificationRules = [
  /** Sent again `ms` later. */
  notificationRule('duplicate').extend({ ms: ms.default(0) }),
  /** Sent `ms` later. */
  notificationRule('delay').extend({ ms }),
  /** Sent after the next one to the same queue, or after a second if there is none. */
  notificationRule('reorder'),
  /** Never sent. */
  notificationRule('drop'),
] as const;

/**
 * Faults to inject. A request or notification gets the first rule that matches and fires. Whether a rule fires follows
 * from the seed, the rule, and the request's ordinal among those of its operation and target. It does not depend on the
 * order of requests to different targets, so a run can be repeated.
 */
export const faultsSchema = z.strictObject({
  seed: z.int().default(0),
  rules: z.array(z.discriminatedUnion('fault', [...requestRules, ...notificationRules])),
});

/** A configuration before defaults are filled in. */
export type FaultsInput = z.input<typeof faultsSchema>;
export type FaultsConfiguration = z.infer<typeof faultsSchema>;
export type FaultRule = FaultsConfiguration['rules'][number];
export type RequestRule = z.infer<(typeof requestRules)[number]>;
export type NotificationRule = z.infer<(typeof notificationRules)[number]>;

const NOTIFICATION_FAULTS: readonly string[] = ['duplicate', 'delay', 'reorder', 'drop'];

export const isNotificationRule = (rule: FaultRule): rule is NotificationRule =>
  NOTIFICATION_FAULTS.includes(rule.fault);
