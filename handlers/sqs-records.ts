import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import type { HandlerContext, SqsBatchResponse, SqsEvent } from './context.ts';
import { type Subject, subjectOf } from './subject.ts';

export type SqsRecord = SqsEvent['Records'][number];

/**
 * Runs `f` on the parsed JSON body of every record, one after the other. A record whose body is not JSON or whose
 * `f` throws is logged and reported as failed, and the others go on: one bad message must not send its whole batch
 * to the dead-letter queue.
 *
 * @param f is given a context whose every line names the campaign, stage, round and site of its message
 */
export async function forEachRecord(
  event: SqsEvent,
  context: HandlerContext,
  f: (body: unknown, record: SqsRecord, context: HandlerContext) => Promise<void>,
): Promise<SqsBatchResponse> {
  const failures: { itemIdentifier: string }[] = [];
  for (const record of event.Records) {
    let own = context;
    try {
      const body = parseBody(record);
      own = about(context, subjectOf(body, context.federation));
      await f(body, record, own);
    } catch (error) {
      failures.push({ itemIdentifier: record.messageId });
      own.log('record-failed', {
        messageId: record.messageId,
        receiveCount: record.attributes?.ApproximateReceiveCount,
        code: isFedcardioError(error) ? error.code : undefined,
        reason: describeError(error),
        stack: error instanceof Error ? error.stack : undefined,
      });
    }
  }
  return { batchItemFailures: failures };
}

/** The same context, whose lines say what they are about where they do not say it themselves. */
function about(context: HandlerContext, subject: Subject): HandlerContext {
  return { ...context, log: (event, fields) => context.log(event, { ...subject, ...fields }) };
}

function parseBody(record: SqsRecord): unknown {
  try {
    return JSON.parse(record.body);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', `message ${record.messageId} is not JSON`, { cause });
  }
}
