import { FedcardioError } from '../lib/error.ts';
import { gpuTaskAddressSchema, gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { parseMessage } from '../lib/json.ts';
import { isFresh, isGpuTaskDue, refuseNewerTask } from '../lib/protocol/gpu-tasks.ts';
import { usefulUntil } from '../lib/protocol/late.ts';
import { deadlineOf, readPauses } from '../lib/protocol/pauses.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { forEachJsonMessage, type JsonMessage } from './sqs-records.ts';

/**
 * Starts the GPU task that a message requests, unless its round no longer waits for it. A message that only a newer
 * release can read is answered: the site must upgrade.
 */
export const dispatch: SqsHandler = (event, context) =>
  forEachJsonMessage(event, context, async (request, own) => {
    const { body, record } = request;
    const address = parseMessage(body, gpuTaskAddressSchema, `message ${record.messageId}`);
    if (address.federation !== own.federation.id) {
      throw new FedcardioError(
        'BAD_MESSAGE',
        `Message ${record.messageId} is for federation "${address.federation}", but this is "${own.federation.id}".`,
        { hint: 'Check who may send to this queue.' },
      );
    }
    try {
      await launch(request, own);
    } catch (error) {
      await refuseNewerTask(own, address, error);
    }
  });

async function launch({ body, record }: JsonMessage, context: HandlerContext): Promise<void> {
  const { federationStore, launcher, now, log } = context;
  const message = parseMessage(body, gpuTaskMessageSchema, `message ${record.messageId}`);
  const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, now());
  if (isFirst) return launcher.submit(message, usefulUntil(message, new Date(message.deadline)));
  if (!(await isGpuTaskDue(context, message))) return log('task-not-due', {});
  // A pause since the message was sent extends the round's deadline.
  const pauses = await readPauses(federationStore, message.campaign);
  await launcher.submit(message, usefulUntil(message, deadlineOf(message, pauses, now())));
}
