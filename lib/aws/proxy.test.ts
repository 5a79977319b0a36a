import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createS3Client } from './clients.ts';

let proxy: Server;
let connections: string[];
beforeEach(async () => {
  connections = [];
  proxy = createServer().on('connect', (request, socket) => {
    connections.push(request.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  vi.stubEnv('https_proxy', undefined);
  vi.stubEnv('NO_PROXY', '');
  vi.stubEnv('no_proxy', undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  proxy.close();
  await once(proxy, 'close');
});

async function request(endpoint?: string): Promise<void> {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const client = createS3Client({ endpoint, region: 'eu-central-1', credentials });
  await expect(client.send(new ListBucketsCommand({}))).rejects.toThrow();
  client.destroy();
}

test('requests to AWS go through the proxy of HTTPS_PROXY', async () => {
  await request();

  expect(connections[0]).toBe('s3.eu-central-1.amazonaws.com:443');
});

test('requests to a storage that NO_PROXY exempts do not', async () => {
  vi.stubEnv('NO_PROXY', '127.0.0.1,.hospital.example');

  await request('https://127.0.0.1:1');

  expect(connections).toEqual([]);
});
