import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { mapConcurrently } from '../../lib/async.ts';
import { createSqsClient } from '../../lib/aws/clients.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import type { BenchServer, Rate } from './bench-server.ts';

const QUEUE = 'bench';
const MESSAGES = 10_000;
const STREAMS = 16;
/** As long as an object's notification. */
const BODY = JSON.stringify({ filler: 'x'.repeat(900) });

/** Sends messages one by one, then receives and deletes them in batches of ten, as the handlers do. */
export async function measureMessages(server: BenchServer): Promise<Readonly<Record<string, Rate>>> {
  const { endpoint } = server;
  const sqs = createSqsClient({ endpoint });
  await sqs.send(new CreateQueueCommand({ QueueName: QUEUE }));
  sqs.destroy();
  const queues = createQueues({ endpoint });
  const send = (count: number) =>
    mapConcurrently(Array.from({ length: count }), STREAMS, () => queues.send(QUEUE, BODY));
  const receive = async (count: number) => {
    let left = count;
    await mapConcurrently(Array.from({ length: STREAMS }), STREAMS, async () => {
      while (left > 0) {
        const messages = await queues.receive(QUEUE, { max: 10, waitSeconds: 0 });
        await queues.delete(
          QUEUE,
          messages.map(({ receipt }) => receipt),
        );
        left -= messages.length;
      }
    });
    if (left !== 0) throw new Error(`${-left} messages were received twice.`);
  };

  await send(500);
  await receive(500);
  return {
    'send messages/s': await server.rate(MESSAGES, () => send(MESSAGES)),
    'receive and delete messages/s': await server.rate(MESSAGES, () => receive(MESSAGES)),
  };
}
