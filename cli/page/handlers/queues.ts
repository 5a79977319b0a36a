import { mapConcurrently } from '../../../lib/async.ts';
import { describeError, isFedcardioError } from '../../../lib/error.ts';
import type { QueueSpec } from '../../../lib/federation/topology.ts';
import { printable, printableLines } from '../../../lib/printable.ts';
import type { Queues } from '../../../lib/storage/contract.ts';
import type { QueueState } from '../../../page/api/operations.ts';
import { countLetters, readLetters, redrive as redriveQueue } from '../../dead-letters/letters.ts';
import { federationQueues, queuePlaces, queuesNamed } from '../../dead-letters/queues.ts';
import { describeMessage } from '../../dead-letters/words.ts';
import type { PageContext } from '../context.ts';
import type { Handler } from '../handler.ts';

const AT_ONCE = 8;
/** Dead letters of a queue that are shown, and most characters of one. */
const MOST_LETTERS = 50;
const MAX_BODY = 4000;

/** All queues with their numbers: those of `fedcardio dead-letters list`, and what waits. */
export const queues: Handler<'queues'> = async (context) => {
  const { specs, client } = await openQueues(context);
  return { queues: [...(await mapConcurrently(specs, AT_ONCE, (spec) => queueState(client, spec)))] };
};

/** Dead letters of a queue: `fedcardio dead-letters show`. */
export const letters: Handler<'letters'> = async (context, { query }) => {
  const { specs, client } = await openQueues(context);
  const found = [];
  for (const spec of queuesNamed(specs, query.queue)) found.push(...(await readLetters(client, spec, MOST_LETTERS)));
  return {
    letters: found.map(({ id, body }) => ({
      id,
      about: describeMessage(body),
      body: printableLines(body.slice(0, MAX_BODY)),
    })),
  };
};

/** `fedcardio dead-letters redrive` of one queue. */
export const redrive: Handler<'redrive'> = async (context, { body }) => {
  const { specs, client } = await openQueues(context);
  const total = { sent: 0, cameBack: 0 };
  for (const spec of queuesNamed(specs, body.queue)) {
    const { sent, cameBack } = await redriveQueue(client, spec);
    total.sent += sent;
    total.cameBack += cameBack;
  }
  return total;
};

async function openQueues(context: PageContext) {
  const { declared, federation, reader, meter } = context;
  const specs = await federationQueues({ declared, federation, federationStore: reader });
  const client = await context.openQueues(queuePlaces(specs));
  const metered: Queues = {
    ...client,
    depth: async (queue) => {
      await meter.take();
      return client.depth(queue);
    },
  };
  return { specs, client: metered };
}

async function queueState(client: Queues, spec: QueueSpec): Promise<QueueState> {
  const { name, site, handler } = spec;
  const known = { queue: name, ...(site !== undefined && { site }), handler };
  const [counted] = await countLetters(client, [spec]);
  if (counted?.problem !== undefined) return { ...known, problem: printable(counted.problem) };
  try {
    return { ...known, letters: counted?.letters, ...(await client.depth(name)) };
  } catch (error) {
    if (!isFedcardioError(error)) throw error;
    return { ...known, letters: counted?.letters, problem: printable(describeError(error)) };
  }
}
