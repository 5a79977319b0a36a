import { FedcardioError } from '../lib/error.ts';
import { type GpuTaskMessage, gpuTaskAddressSchema, gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { parseMessage } from '../lib/json.ts';
import { isFresh, isGpuTaskDue, refuseNewerTask } from '../lib/protocol/gpu-tasks.ts';
import { deadlineOf, readPauses } from '../lib/protocol/pauses.ts';
import type { SqsHandler } from './context.ts';
import { forEachJsonMessage } from './sqs-records.ts';

/** Starts the GPU task that a message requests, unless its round no longer waits for it. */
export const dispatch: SqsHandler = (event, context) =>
  forEachJsonMessage(event, context, async ({ body, record }, own) => {
    const { federation, federationStore, launcher, now, log } = own;
    const where = `message ${record.messageId}`;
    const address = parseMessage(body, gpuTaskAddressSchema, where);
    if (address.federation !== federation.id) {
      throw new FedcardioError(
        'BAD_MESSAGE',
        `Message ${record.messageId} is for federation "${address.federation}", but this is "${federation.id}".`,
        { hint: 'Check who may send to this queue.' },
      );
    }
    let message: GpuTaskMessage;
    try {
      message = parseMessage(body, gpuTaskMessageSchema, where);
    } catch (error) {
      return refuseNewerTask(own, address, error);
    }
    const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, now());
    if (isFirst) return launcher.submit(message, new Date(message.deadline));
    if (!(await isGpuTaskDue(own, message))) return log('task-not-due', {});
    // A pause since the message was sent extends the round's deadline.
    const pauses = await readPauses(federationStore, message.campaign);
    await launcher.submit(message, deadlineOf(message, pauses, now()));
  });
