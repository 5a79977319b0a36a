import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { topologyOf } from '../../lib/federation/topology.ts';
import { deploy } from './deploy.ts';

const topology = topologyOf({
  schema: 'fedcardio.federation/1',
  id: 'f',
  sites: [{ id: 'bonn', name: 'Bonn' }],
});
let server: Server | undefined;
afterEach(() => void server?.close());

/** Answers every request with a status only. */
async function answering(status: number): Promise<string> {
  const listening = createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => listening.once('listening', resolve));
  server = listening;
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

describe('deploying', () => {
  test('to an endpoint that refuses access fails instead of replaying the templates', async () => {
    const endpoint = await answering(403);

    await expect(deploy(endpoint, topology)).rejects.toMatchObject({
      code: 'STORAGE',
      message: expect.stringContaining(`Cannot list the stacks of ${endpoint}`),
    });
  });

  test('to an endpoint that does not answer says what to start', async () => {
    await expect(deploy('http://127.0.0.1:9', topology)).rejects.toMatchObject({
      code: 'STORAGE',
      hint: expect.stringContaining('npm run localstack'),
    });
  });
});
