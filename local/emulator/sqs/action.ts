import { z } from 'zod';
import { SqsError } from './error.ts';
import type { Queue, QueueStore } from './store.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Everything that an action uses. */
export interface SqsContext {
  readonly store: QueueStore;
  readonly region: string;
  /** URL of a queue, at the host name that the client used. */
  readonly urlOf: (name: string) => string;
  /** Fires when the client hangs up. */
  readonly signal?: AbortSignal;
}

/** An SQS action. Parses its own input. */
export type Action = (context: SqsContext, input: unknown) => Json | Promise<Json>;

/** Adds a schema to an action. Invalid and unknown parameters become InvalidParameterValue. */
export const action =
  <S extends z.ZodType>(schema: S, run: (context: SqsContext, input: z.infer<S>) => Json | Promise<Json>): Action =>
  (context, input) => {
    const parsed = schema.safeParse(input);
    if (parsed.success) return run(context, parsed.data);
    const [issue] = parsed.error.issues;
    throw new SqsError('InvalidParameterValue', `${issue?.path.join('.') || 'The request'}: ${issue?.message}`);
  };

export const ACCOUNT = '000000000000';

export const arnOf = ({ region }: Pick<SqsContext, 'region'>, name: string): string =>
  `arn:aws:sqs:${region}:${ACCOUNT}:${name}`;

/** The last part of a queue's URL or ARN. */
export const queueNameOf = (urlOrArn: string): string => urlOrArn.split(/[/:]/).at(-1) ?? '';

export const queueUrl = z.string().min(1);
export const strings = z.record(z.string(), z.string());

/** @throws SqsError QueueDoesNotExist */
export function queueAt({ store }: Pick<SqsContext, 'store'>, url: string): Queue {
  const queue = store.queue(queueNameOf(url));
  if (!queue) throw new SqsError('QueueDoesNotExist');
  return queue;
}
