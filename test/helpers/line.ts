import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request that a line has carried, or has begun to carry. */
export interface Carried {
  readonly method: string;
  readonly url: URL;
  /** SQS action, such as `ReceiveMessage`; undefined for S3. */
  readonly action: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Undefined if there was no answer. */
  status?: number;
}

/** When a line breaks: before a request is passed on, behind it (the answer is lost), or in the middle of its answer. */
type Break = 'before' | 'behind' | 'within';

/** A cut of a line at the first request that matches, for some time. */
export interface Cut {
  readonly at: Break;
  readonly matches: (carried: Carried) => boolean;
  readonly ms: number;
}

/**
 * An HTTP proxy between a site and the endpoint of its federation, which records every request and can be cut. What it
 * does not carry, the site cannot send.
 */
export async function openLine(target: string) {
  const carried: Carried[] = [];
  const cuts: Cut[] = [];
  /** Cuts that have happened. */
  const happened: Cut[] = [];
  let isCut = false;

  const server = createServer((incoming, outgoing) => {
    carry(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.on('connection', (socket) => {
    if (isCut) socket.destroy();
  });
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;

  async function cut({ ms }: Cut): Promise<void> {
    isCut = true;
    server.closeAllConnections();
    await sleep(ms);
    isCut = false;
  }

  async function carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = '', headers } = incoming;
    const action = /^AmazonSQS\.(\w+)$/.exec(String(headers['x-amz-target'] ?? ''))?.[1];
    const body = Buffer.concat(chunks);
    const one: Carried = { method, url: new URL(incoming.url as string, target), action, headers, body };
    carried.push(one);
    const index = cuts.findIndex(({ matches }) => matches(one));
    const [due] = index < 0 ? [] : cuts.splice(index, 1);
    if (due) happened.push(due);
    if (due?.at === 'before') return cut(due);
    const answer = await pass(one);
    if (due?.at === 'behind') return cut(due);
    one.status = answer.statusCode ?? 0;
    outgoing.writeHead(one.status, answer.headers);
    if (due?.at === 'within') {
      const [first] = (await once(answer, 'data')) as [Buffer];
      answer.destroy();
      outgoing.write(first.subarray(0, first.length >> 1));
      return cut(due);
    }
    answer.pipe(outgoing);
    outgoing.on('close', () => answer.destroy());
  }

  const pass = ({ method, url, headers, body }: Carried): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      // The embedded server answers only requests for its own address.
      const onward = request(url, { method, headers: { ...headers, host: url.host }, agent: false }, resolve);
      onward.on('error', reject);
      onward.end(body);
    });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    carried,
    happened,
    /** Cuts the line at requests to come. */
    cutAt: (...more: readonly Cut[]) => cuts.push(...more),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export type Line = Awaited<ReturnType<typeof openLine>>;
