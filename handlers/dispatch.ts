import { FedcardioError } from '../lib/error.ts';
import { parseValue } from '../lib/federation/protocol/json.ts';
import { isFresh, isTaskDue } from '../lib/federation/protocol/tasks.ts';
import { taskMessageSchema } from '../lib/federation/schemas.ts';
import { forEachRecord } from './batch.ts';
import type { SqsHandler } from './context.ts';

/** Starts the GPU task that a message asks for, unless its round no longer waits for it. */
export const dispatch: SqsHandler = (event, context) =>
  forEachRecord(event, context, async (body, record) => {
    const message = parseValue(body, taskMessageSchema, `message ${record.messageId}`);
    if (message.federation !== context.federation.id) {
      throw new FedcardioError('BAD_MESSAGE', `message ${record.messageId} is for federation "${message.federation}"`, {
        hint: `This is "${context.federation.id}"; look at who may send to its queues.`,
      });
    }
    const { campaign, stage, round, site } = message;
    const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, context.now());
    if (isFirst || (await isTaskDue(context, message))) await context.launcher.submit(message);
    else context.log('task-not-due', { campaign, stage, round, site });
  });
