import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import type { HandlerContext, SqsBatchResponse, SqsEvent } from './context.ts';
import { type S3ObjectRef, s3Objects } from './s3-event.ts';
import { type Subject, subjectOfMessage, subjectOfObjects } from './subject.ts';

export type SqsRecord = SqsEvent['Records'][number];

/** A record with its parsed body's subject. */
interface Message {
  readonly record: SqsRecord;
  readonly subject: Subject;
}

/** A record with the objects of its S3 event. */
export interface S3Message extends Message {
  readonly objects: readonly S3ObjectRef[];
}

/** A record with its JSON body. */
export interface JsonMessage extends Message {
  readonly body: unknown;
}

/** Handles a message with a context whose log lines name the message's subject. */
type Handle<M> = (message: M, context: HandlerContext) => Promise<void>;

/** Calls `handle` for every S3 event. Bad records fail alone, see {@link forEachMessage}. */
export async function forEachS3Message(event: SqsEvent, context: HandlerContext, handle: Handle<S3Message>) {
  const { messages, failed } = readS3Messages(event, context);
  return responseOf([...failed, ...(await forEachMessage(messages, context, handle))]);
}

/** Calls `handle` for every JSON message. Bad records fail alone, see {@link forEachMessage}. */
export async function forEachJsonMessage(event: SqsEvent, context: HandlerContext, handle: Handle<JsonMessage>) {
  const { messages, failed } = readMessages(event, context, (record) => {
    const body = parseBody(record);
    return { record, body, subject: subjectOfMessage(body) };
  });
  return responseOf([...failed, ...(await forEachMessage(messages, context, handle))]);
}

/** Parses the S3 events of a batch. `failed`: records that are not an S3 event. */
export const readS3Messages = (event: SqsEvent, context: HandlerContext) =>
  readMessages(event, context, (record): S3Message => {
    const objects = s3Objects(parseBody(record));
    return { record, objects, subject: subjectOfObjects(objects, context.federation) };
  });

function readMessages<M extends Message>(event: SqsEvent, context: HandlerContext, parse: (record: SqsRecord) => M) {
  const messages: M[] = [];
  const failed: SqsRecord[] = [];
  for (const record of event.Records) {
    try {
      messages.push(parse(record));
    } catch (error) {
      logFailure(record, context, error);
      failed.push(record);
    }
  }
  return { messages, failed };
}

/**
 * Calls `handle` for the messages, one after the other. If it throws, the message is logged and fails alone: one bad
 * message must not send its whole batch to the dead-letter queue.
 *
 * @returns the records that failed
 */
export async function forEachMessage<M extends Message>(
  messages: readonly M[],
  context: HandlerContext,
  handle: Handle<M>,
): Promise<readonly SqsRecord[]> {
  const failed: SqsRecord[] = [];
  for (const message of messages) {
    const { record, subject } = message;
    const own = { ...context, log: (event, fields) => context.log(event, { ...subject, ...fields }) } as HandlerContext;
    try {
      await handle(message, own);
    } catch (error) {
      logFailure(record, own, error);
      failed.push(record);
    }
  }
  return failed;
}

/** Reports failed records to SQS, which delivers them again. */
export const responseOf = (failed: readonly SqsRecord[]): SqsBatchResponse => ({
  batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })),
});

function logFailure({ messageId, attributes }: SqsRecord, { log }: HandlerContext, error: unknown): void {
  log('record-failed', {
    messageId,
    receiveCount: attributes?.ApproximateReceiveCount,
    code: isFedcardioError(error) ? error.code : undefined,
    reason: describeError(error),
    stack: error instanceof Error ? error.stack : undefined,
  });
}

function parseBody({ messageId, body }: SqsRecord): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `Message ${messageId} is not JSON.`, { cause });
  }
}
