import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createQueues } from './queues.ts';

interface Call {
  readonly action: string;
  readonly region: string;
  readonly body: Readonly<Record<string, unknown>>;
}

let server: Server;
let calls: Call[];

/** The region that a request is signed for. */
const regionOf = ({ headers }: IncomingMessage) =>
  /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '';

beforeEach(async () => {
  calls = [];
  server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const action = String(request.headers['x-amz-target']).split('.')[1] as string;
    calls.push({ action, region: regionOf(request), body });
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    const md5 = () => createHash('md5').update(body.MessageBody).digest('hex');
    const answer =
      action === 'GetQueueUrl'
        ? { QueueUrl: `http://q/${body.QueueName}` }
        : { MessageId: '1', MD5OfMessageBody: md5() };
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => server.close());

test("requests a queue's URL once, from its owner's account and region", async () => {
  const queues = createQueues({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    placeOf: (queue) => (queue === 'far' ? { account: '210987654321', region: 'eu-west-3' } : {}),
  });
  await queues.send('near', 'n');
  await queues.send('far', 'f');
  await queues.send('far', 'again');
  expect(calls).toMatchObject([
    { action: 'GetQueueUrl', region: 'eu-central-1', body: { QueueName: 'near' } },
    { action: 'SendMessage', region: 'eu-central-1', body: { QueueUrl: 'http://q/near', MessageBody: 'n' } },
    { action: 'GetQueueUrl', region: 'eu-west-3', body: { QueueName: 'far', QueueOwnerAWSAccountId: '210987654321' } },
    { action: 'SendMessage', region: 'eu-west-3', body: { QueueUrl: 'http://q/far', MessageBody: 'f' } },
    { action: 'SendMessage', region: 'eu-west-3', body: { MessageBody: 'again' } },
  ]);
  expect(calls[0]?.body).not.toHaveProperty('QueueOwnerAWSAccountId');
});
