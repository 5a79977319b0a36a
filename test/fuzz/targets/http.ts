import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedServer, startEmbeddedServer } from '../../../local/emulator/server.ts';
import type { Target } from '../engine.ts';
import { PORT, rawRequests, UPLOAD } from './http-requests.ts';

/** Without a byte from the server for this long, the client ends its side of the connection. */
const SILENCE_MS = 15;
/** Longest time until the server closes a connection whose client has ended it. */
const CLOSE_MS = 5000;
/** The server starts again on its own data after this many inputs. */
const RESTART_AFTER = 250;
/** What the inputs name is stored again after this many: they also delete it. */
const PREPARE_AFTER = 10;

/**
 * Bytes on a socket of the embedded server. It answers or closes each connection, never with an internal error, and then
 * serves the data of others as before, also after it was started again.
 */
export async function http(): Promise<Target> {
  const failures: unknown[] = [];
  const dataDir = await mkdtemp(join(tmpdir(), 'fedcardio-fuzz-'));
  const start = () => startEmbeddedServer({ dataDir, onFailure: (error) => failures.push(error) });
  let server = await start();
  let count = 0;
  let upload = '';
  await storeOthersData(server);
  return {
    inputs: rawRequests,
    check: async (input) => {
      if (++count % RESTART_AFTER === 0) {
        await server.close();
        server = await start();
      }
      if (count % PREPARE_AFTER === 1) upload = await prepare(server);
      failures.length = 0;
      const answer = await send(server.port, input, upload);
      if (failures.length > 0) throw failures[0];
      if (answer.includes('HTTP/1.1 500')) throw new Error('the server answers 500');
      if (Buffer.from(input).includes('/_fedcardio/'))
        await fetch(`${server.endpoint}/_fedcardio/faults`, { method: 'DELETE' });
      await expectOthersData(server);
    },
    close: async () => {
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Sends bytes on a connection of their own. Returns what the server sends until it closes the connection. */
function send(port: number, input: Uint8Array, upload: string): Promise<string> {
  const text = Buffer.from(input).toString('latin1').replaceAll(PORT, String(port)).replaceAll(UPLOAD, upload);
  const bytes = Buffer.from(text, 'latin1');
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.write(bytes));
    const silence = setTimeout(() => socket.end(), SILENCE_MS);
    const hang = setTimeout(() => {
      socket.destroy();
      reject(new Error('the server does not close the connection'));
    }, CLOSE_MS);
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      silence.refresh();
    });
    socket.on('end', () => socket.end());
    // A reset is a way to close a connection.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(silence);
      clearTimeout(hang);
      resolve(answer);
    });
  });
}

const OBJECT = '/others-bucket/others-object';
const TEXT = 'the data of others';
const QUEUE = 'others-queue';

async function sqs<T>({ endpoint }: EmbeddedServer, action: string, input: object): Promise<T> {
  const headers = { 'x-amz-target': `AmazonSQS.${action}` };
  const answer = await fetch(endpoint, { method: 'POST', headers, body: JSON.stringify(input) });
  return (await answer.json()) as T;
}

async function storeOthersData(server: EmbeddedServer): Promise<void> {
  await fetch(`${server.endpoint}/others-bucket`, { method: 'PUT' });
  await fetch(server.endpoint + OBJECT, { method: 'PUT', body: TEXT });
  await sqs(server, 'CreateQueue', { QueueName: QUEUE });
  await sqs(server, 'SendMessage', { QueueUrl: QUEUE, MessageBody: TEXT });
}

/** Stores what the inputs name. Returns the id of an upload. */
async function prepare(server: EmbeddedServer): Promise<string> {
  await fetch(`${server.endpoint}/b`, { method: 'PUT' });
  await fetch(`${server.endpoint}/b/k`, { method: 'PUT', body: 'x' });
  await sqs(server, 'CreateQueue', { QueueName: 'q' });
  const answer = await fetch(`${server.endpoint}/b/m?uploads`, { method: 'POST' });
  return /<UploadId>(.*)<\/UploadId>/.exec(await answer.text())?.[1] ?? '';
}

async function expectOthersData(server: EmbeddedServer): Promise<void> {
  const answer = await fetch(server.endpoint + OBJECT);
  const text = await answer.text();
  if (answer.status !== 200 || text !== TEXT) throw new Error(`the data of others are ${answer.status} ${text}`);
  const input = { QueueUrl: QUEUE, AttributeNames: ['ApproximateNumberOfMessages'] };
  const { Attributes } = await sqs<QueueAttributes>(server, 'GetQueueAttributes', input);
  if (Attributes?.ApproximateNumberOfMessages !== '1') throw new Error("the others' message is gone");
}

interface QueueAttributes {
  readonly Attributes?: Readonly<Record<string, string>>;
}
