import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mountPage } from '../../cli/page/mounted.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../local/emulator/server.ts';

const BUCKET = 'fedcardio-federation';
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'fedcardio',
  sites: [{ id: 'bonn', name: 'Bonn' }],
};

let folder: string;
let server: EmbeddedServer;
let address: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fedcardio-page-'));
  server = await startEmbeddedServer({ dataDir: folder });
  await createS3Client({ endpoint: server.endpoint }).send(new CreateBucketCommand({ Bucket: BUCKET }));
  address = (await mountPage(server, FEDERATION, () => undefined)) ?? '';
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test('the page and the buckets share a port', async () => {
  const opened = await fetch(address);
  const cookie = (opened.headers.get('set-cookie') ?? '').split(';')[0] as string;
  const page = address.replace(/\?.*/, '');

  const session = await fetch(`${page}api/v1/session`, { headers: { cookie } });

  expect(page).toBe(`${server.endpoint}/_fedcardio/page/`);
  expect(opened.headers.get('set-cookie')).toContain('Path=/_fedcardio/page/');
  expect(await session.json()).toMatchObject({ role: 'coordinator', federation: FEDERATION_SEEN });
  expect(opened.headers.get('content-security-policy')).toContain(`script-src ${page}assets/;`);
  expect((await fetch(`${server.endpoint}/_fedcardio/health`)).status).toBe(200);
});

const FEDERATION_SEEN = { id: 'fedcardio', sites: [{ id: 'bonn', name: 'Bonn' }] };

test('a stored object cannot act as the page', async () => {
  await createObjectStorage({ endpoint: server.endpoint })(BUCKET).put('x.html', '<script>alert(1)</script>', {
    contentType: 'text/html',
  });

  const { headers } = await fetch(`${server.endpoint}/${BUCKET}/x.html`);

  expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
});
