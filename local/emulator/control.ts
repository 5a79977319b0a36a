import type { IncomingMessage, ServerResponse } from 'node:http';
import { FedcardioError, isFedcardioError } from '../../lib/error.ts';
import { parseJson } from '../../lib/json.ts';
import { peakRss } from '../../lib/peak-rss.ts';
import { faultsSchema } from './faults/configuration.ts';
import { createFaults, type FaultSwitch } from './faults/faults.ts';
import { readBody } from './request-body.ts';
import type { RequestCounts } from './request-counts.ts';
import { foreignOriginOf } from './same-origin.ts';

/** Cannot collide with a bucket, whose name never begins with an underscore. */
const PREFIX = '/_fedcardio/';
const MAX_BYTES = 1024 ** 2;

export interface ControlContext {
  readonly counts: RequestCounts;
  readonly faults: FaultSwitch;
}

/** Whether a request is about the server itself. */
export const isControlRequest = (message: IncomingMessage): boolean => message.url?.startsWith(PREFIX) === true;

/** Answers `/_fedcardio/health`, `/_fedcardio/requests` and `/_fedcardio/faults`, in JSON. */
export async function respond(
  context: ControlContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [status, body] = await answerTo(context, message);
  const text = `${JSON.stringify(body)}\n`;
  message.resume();
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

type Answer = readonly [status: number, body: unknown];

async function answerTo(context: ControlContext, message: IncomingMessage): Promise<Answer> {
  const foreign = foreignOriginOf(message);
  if (foreign !== undefined) return [403, { code: 'BAD_MESSAGE', message: foreign }];
  const path = message.url?.slice(PREFIX.length).replace(/\?.*/s, '') ?? '';
  const all = handlersOf(context, message);
  const handlers = Object.hasOwn(all, path) ? all[path] : undefined;
  if (!handlers)
    return [404, { code: 'NOT_FOUND', message: `${PREFIX}${path} does not exist. Use health, requests or faults.` }];
  const handler = handlers[message.method ?? ''];
  if (!handler) return [405, { code: 'BAD_MESSAGE', message: `Use ${Object.keys(handlers).join(', ')}.` }];
  try {
    return [200, await handler()];
  } catch (error) {
    if (!isFedcardioError(error)) throw error;
    return [400, { code: error.code, message: error.message, hint: error.hint }];
  }
}

type Handlers = Readonly<Record<string, Readonly<Record<string, () => unknown>> | undefined>>;

function handlersOf({ counts, faults }: ControlContext, message: IncomingMessage): Handlers {
  const switchTo = async (next: FaultSwitch['active']) => {
    const last = faults.active;
    faults.active = next;
    await last?.flush();
    return stateOf(faults);
  };
  return {
    health: { GET: health },
    requests: {
      GET: () => counts.totals(),
      DELETE() {
        const totals = counts.totals();
        counts.reset();
        return totals;
      },
    },
    faults: {
      GET: () => stateOf(faults),
      PUT: async () => switchTo(createFaults(parseJson(await read(message), faultsSchema, 'faults'))),
      DELETE: () => switchTo(undefined),
    },
  };
}

const health = () => ({
  status: 'ok',
  services: ['s3', 'sqs'],
  uptimeSeconds: process.uptime(),
  cpuSeconds: cpuSeconds(),
  rssBytes: process.memoryUsage.rss(),
  peakRssBytes: peakRss(),
});

/** The active rules, and how often each was applied. */
const stateOf = ({ active }: FaultSwitch) =>
  active
    ? {
        seed: active.configuration.seed,
        rules: active.configuration.rules,
        struck: active.struck(),
      }
    : { rules: [], struck: [] };

async function read(message: IncomingMessage): Promise<Uint8Array> {
  const bytes = await readBody(message, MAX_BYTES);
  if (!bytes) throw new FedcardioError('BAD_MESSAGE', `The faults have more than ${MAX_BYTES} bytes.`);
  return bytes;
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
