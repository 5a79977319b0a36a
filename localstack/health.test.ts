import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { localStackVersion, waitForHealth } from './health.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

async function answering(answer: () => { readonly status: number; readonly body: string }): Promise<string> {
  const listening = createServer((_, response) => {
    const { status, body } = answer();
    response.writeHead(status).end(body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => listening.once('listening', resolve));
  server = listening;
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

const HEALTHY = { status: 200, body: '{"version": "4.14.0", "edition": "community", "services": {"s3": "available"}}' };
const OTHER = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };
const running = { failure: () => undefined, advice: 'Check the log.' };

describe('the health of LocalStack', () => {
  test('returns the version, and undefined for another server', async () => {
    expect(await localStackVersion(await answering(() => HEALTHY))).toBe('4.14.0');
    server?.close();
    expect(await localStackVersion(await answering(() => OTHER))).toBeUndefined();
    expect(await localStackVersion('http://127.0.0.1:9')).toBeUndefined();
  });

  test('is awaited', async () => {
    let asked = 0;
    const endpoint = await answering(() => (++asked < 3 ? OTHER : HEALTHY));
    const lines: string[] = [];

    await waitForHealth(endpoint, (line) => lines.push(line), running);

    expect(asked).toBe(3);
    expect(lines).toEqual([expect.stringContaining(`LocalStack 4.14.0 is ready at ${endpoint}`)]);
  });

  test('is not awaited after its process has ended', async () => {
    const ended = { ...running, failure: () => 'it ended by code 1: no such module' };

    await expect(waitForHealth('http://127.0.0.1:9', () => undefined, ended)).rejects.toMatchObject({
      code: 'BAD_CONFIGURATION',
      message: 'LocalStack did not start: it ended by code 1: no such module.',
      hint: 'Check the log.',
    });
  });
});
