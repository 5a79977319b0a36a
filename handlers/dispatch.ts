import { FedcardioError } from '../lib/error.ts';
import { gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { parseValue } from '../lib/json.ts';
import { isFresh, isGpuTaskDue } from '../lib/protocol/gpu-tasks.ts';
import { deadlineOf, readPauses } from '../lib/protocol/pauses.ts';
import type { SqsHandler } from './context.ts';
import { forEachRecord } from './sqs-records.ts';

/** Starts the GPU task that a message asks for, unless its round no longer waits for it. */
export const dispatch: SqsHandler = (event, context) =>
  forEachRecord(event, context, async (body, record, { federation, objects, launcher, now, log }) => {
    const message = parseValue(body, gpuTaskMessageSchema, `message ${record.messageId}`);
    if (message.federation !== federation.id) {
      throw new FedcardioError('BAD_MESSAGE', `message ${record.messageId} is for federation "${message.federation}"`, {
        hint: `This is "${federation.id}"; look at who may send to its queues.`,
      });
    }
    const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, now());
    if (isFirst) return launcher.submit(message, new Date(message.deadline));
    if (!(await isGpuTaskDue({ objects }, message))) return log('task-not-due', {});
    // Only a message that is not new can have been overtaken by a pause, which puts its round's deadline off.
    const pauses = await readPauses(objects, names.federationBucket(federation.id), message.campaign);
    await launcher.submit(message, deadlineOf(message, pauses, now()));
  });
