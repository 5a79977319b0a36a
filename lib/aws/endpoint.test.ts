import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startEmbeddedServer } from '../../local/emulator/server.ts';
import { probeEndpoint, requireS3 } from './endpoint.ts';

/** Runs `use` with the endpoint of a server that answers like `listener`. */
async function withServer(listener: RequestListener, use: (endpoint: string) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const answering =
  (status: number, type: string, body: string): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': type }).end(body);

describe('probeEndpoint', () => {
  test('recognises the embedded server as S3 and SQS, and reads its clock', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'fedcardio-endpoint-'));
    const server = await startEmbeddedServer({ dataDir });
    try {
      const answer = await probeEndpoint(server.endpoint);

      expect(answer).toMatchObject({ isS3: true, isSqs: true });
      expect(Math.abs((answer.date?.getTime() ?? 0) - Date.now())).toBeLessThan(5_000);
    } finally {
      await server.close();
      rmSync(dataDir, { recursive: true });
    }
  });

  test('recognises S3 that denies a request without a signature, without SQS', async () => {
    const xml = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>';

    await withServer(answering(403, 'application/xml', xml), async (endpoint) => {
      expect(await probeEndpoint(endpoint)).toMatchObject({ isS3: true, isSqs: false });
      await expect(requireS3(endpoint)).resolves.toBeUndefined();
    });
  });

  test.each([
    ['a web page', 200, 'text/html', '<!doctype html><title>Hi</title>'],
    ['an XHTML page', 200, 'application/xhtml+xml', '<?xml version="1.0"?><html></html>'],
    ['an API', 404, 'application/json', '{"error":"not found"}'],
    ['nothing', 204, 'text/plain', ''],
    ['an endless page', 200, 'text/html', 'x'.repeat(1_000_000)],
  ])('refuses %s', async (_, status, type, body) => {
    await withServer(answering(status, type, body), async (endpoint) => {
      await expect(requireS3(endpoint)).rejects.toMatchObject({
        code: 'BAD_CONFIGURATION',
        message: `What answers at ${endpoint} is not S3.`,
      });
    });
  });

  test('does not wait for a server that accepts and stays silent', async () => {
    await withServer(
      () => undefined,
      async (endpoint) => {
        await expect(probeEndpoint(endpoint, 200)).rejects.toMatchObject({
          code: 'STORAGE_UNAVAILABLE',
          message: `${endpoint} accepted a connection but did not answer within 0.2 s.`,
        });
      },
    );
  });

  test('does not wait for the end of an answer that never ends', async () => {
    await withServer(
      (_, response) => response.write('<'),
      async (endpoint) => {
        await expect(probeEndpoint(endpoint, 200)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
      },
    );
  });

  test('names a server that speaks another protocol, and one that is not there', async () => {
    const server = createTcpServer((socket) => socket.write('220 mail\r\n', () => socket.destroy()));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await expect(probeEndpoint(endpoint)).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' });
    } finally {
      await new Promise((done) => server.close(done));
    }
    await expect(probeEndpoint(endpoint)).rejects.toThrow(/cannot be reached: Nothing answers at 127\.0\.0\.1:\d+/);
  });
});
