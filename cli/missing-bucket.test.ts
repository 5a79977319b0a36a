import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createS3Client } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { useServer } from '../local/emulator/testing.ts';
import { siteCommand } from './site/command.ts';
import { runCommand } from './testing.ts';

const { endpoint } = useServer();
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-missing-bucket-'));
const file = join(folder, 'heart.json');
const FEDERATION = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  region: 'eu-central-1',
  account: '111122223333',
  sites: [
    { id: 'heidelberg', name: 'Heidelberg' },
    { id: 'kiel', name: 'Kiel', place: 'on-premises', principal: 'arn:aws:iam::111122223333:role/kiel' },
  ],
};

beforeAll(async () => {
  writeFileSync(file, JSON.stringify(FEDERATION));
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'heidelberg'), names.federationBucket('heart')])
    await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const { federationStore } = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
  for (const site of ['heidelberg', 'kiel']) await federationStore.put(federationKeys.summary(site), '{}');
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (args: readonly string[], federation = 'heart') =>
  runCommand([...args, '--federation', federation, '--endpoint', endpoint()], folder);

describe('a bucket that does not exist', () => {
  test.each([
    ['site list nowhere', 'Federation "heart" has no site "nowhere". Its sites are heidelberg, kiel.'],
    ['site status nowhere', 'Federation "heart" has no site "nowhere".'],
    ['site upload nowhere .', 'Federation "heart" has no site "nowhere".'],
    ['site list Heidelberg', 'Did you mean "heidelberg"?'],
    ['page --site nowhere', 'Federation "heart" has no site "nowhere".'],
    ['site list kiel', 'Site "kiel" of federation "heart" has no bucket here.'],
  ])('is told by the id of the site: %s', async (line, message) => {
    const { code, stderr } = await run(line.split(' '));

    expect(stderr.replaceAll('\n', ' ')).toContain(message);
    expect(stderr).not.toContain('NoSuchBucket');
    expect(code).toBe(1);
  });

  test.each(['tasks list', 'campaign list', 'campaign status tavi'])(
    'is told by the id of the federation: %s',
    async (line) => {
      const { code, stderr } = await run(line.split(' '), 'nope');

      expect(stderr).toContain(`There is no federation "nope" at ${endpoint()}.`);
      expect(code).toBe(1);
    },
  );
});

describe('federation.json', () => {
  test.each(['site list nowhere', 'page --site nowhere'])('has the sites that there are: %s', async (line) => {
    const { code, stderr } = await run(line.split(' '), file);

    expect(stderr.replaceAll('\n', ' ')).toContain('no site "nowhere". Its sites are heidelberg, kiel.');
    expect(code).toBe(1);
  });
});

describe('a command for an on-premises site without the address of its storage', () => {
  const commands = siteCommand().commands.filter(
    (command) => command.name() !== 'run' && command.registeredArguments[0]?.name() === 'site',
  );
  const others: Readonly<Record<string, readonly string[]>> = {
    withdraw: ['p7'],
    lineage: ['p7'],
    upload: ['.'],
    invite: ['names.txt'],
  };
  const lines = [
    ...commands.map((command) => ['site', command.name(), 'kiel', ...(others[command.name()] ?? [])]),
    ['page', '--site', 'kiel'],
  ];
  beforeAll(() => writeFileSync(join(folder, 'names.txt'), 'p7\n'));

  test('is named by docs/on-premises.md', () => {
    const page = readFileSync('docs/on-premises.md', 'utf8');
    const [, listed = ''] = /With `FEDCARDIO_SITE_ENDPOINT`[^(]*\(([^)]*)\)/.exec(page) ?? [];

    // Uploads have a row of their own, and invitations are for buckets in the cloud.
    const expected = commands.map((command) => command.name()).filter((name) => !['upload', 'invite'].includes(name));
    expect(expected.filter((name) => !listed.includes(`\`${name}\``))).toEqual([]);
  });

  test.each(lines.map((line) => [line.join(' '), line] as const))('says what to set: %s', async (_, line) => {
    const { code, stderr } = await run(line, file);

    expect(stderr).toContain('Site "kiel" is on-premises');
    expect(stderr).toContain('FEDCARDIO_SITE_ENDPOINT is not set');
    expect(code).toBe(1);
  });
});
