import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { startPageServer } from './server.ts';

/** Node's own limit of 300 s, shortened, ms. */
const LIMIT_MS = vi.hoisted(() => 50);

vi.mock('node:http', async (original) => {
  const http = await original<typeof import('node:http')>();
  const limits = { requestTimeout: LIMIT_MS, connectionsCheckingInterval: LIMIT_MS / 5 };
  return { ...http, createServer: http.createServer.bind(undefined, limits) };
});

test('takes an upload for as long as it lasts', async () => {
  const server = await startPageServer(
    0,
    async (message, response) => {
      let text = '';
      for await (const chunk of message) text += chunk;
      response.end(text);
    },
    () => undefined,
  );

  const answer = new Promise<string>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, method: 'PUT' }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(`${response.statusCode} ${text}`));
    });
    sent.on('error', reject);
    sent.write('begin ');
    void sleep(4 * LIMIT_MS).then(() => sent.end('end'));
  });

  await expect(answer).resolves.toBe('200 begin end');
  await server.close();
});
