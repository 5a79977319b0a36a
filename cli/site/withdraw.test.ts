import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { collect } from '../../lib/async.ts';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { shownName } from '../../lib/federation/case-names.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { summarySchema } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';
import { calcium, image } from '../../lib/intake/testing.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { useServer } from '../../local/emulator/testing.ts';
import { runCommand } from '../testing.ts';
import { withdrawnText } from './withdraw.ts';

const { endpoint } = useServer();

beforeAll(async () => {
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'berlin'), names.federationBucket('heart')]) {
    await s3.send(new CreateBucketCommand({ Bucket }));
  }
  s3.destroy();
});

const at = () => ['--federation', 'heart', '--endpoint', endpoint()];
const site = (command: string, ...args: readonly string[]) => runCommand(['site', command, 'berlin', ...args, ...at()]);

test('site withdraw shows, asks, deletes and counts', async () => {
  const { siteStore, federationStore } = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
  const store = siteStore('berlin');
  const keys = async () => (await collect(store.list(siteKeys.ofEvent('')))).map(({ key }) => key as string);
  for (const id of ['p1', 'p2', 'p3']) await store.put(siteKeys.image('training', id), image(Number(id[1])));
  await store.put(siteKeys.label('training', 'p2', 'calcification'), calcium());
  await site('rescan');
  await store.put(siteKeys.prediction('tavi', 'student', 'calcification', 'p1'), 'map');
  const before = await keys();

  const dry = await site('withdraw', 'p1', '--dry-run', '--json');
  const unasked = await site('withdraw', 'p1');
  const after = await keys();
  const done = await site('withdraw', 'p1', '--yes');
  const undone = await site('withdraw', 'p2', '--keep-versions', '--yes');
  const again = await site('withdraw', 'p1', '--yes');
  const unknown = await site('withdraw', 'p9', '--yes');

  expect(JSON.parse(dry.stdout).objects.map(({ key }: { key: string }) => key)).toEqual([
    'cases/p1/image.nii.gz',
    'catalog/p1.json',
    expect.stringMatching(/^content\//),
    'predictions/tavi/student/p1/calcification.nii.gz',
  ]);
  expect(unasked).toMatchObject({ code: 1, stderr: expect.stringContaining('--dry-run') });
  expect(after).toEqual(before);
  expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('weights that were trained on it') });
  expect((await keys()).filter((key) => key.includes('p1'))).toEqual([]);
  expect((await readJson(federationStore, federationKeys.summary('berlin'), summarySchema)).value.cases.training).toBe(
    2,
  );
  expect(undone).toMatchObject({ code: 0, stdout: expect.stringContaining('2 objects removed') });
  expect((await keys()).filter((key) => key.includes('p2'))).toEqual(['catalog/p2.json']);
  expect(again).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^The case was withdrawn before; nothing is left of it\.\n/),
  });
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('has no case "p9"') });
});

test('site withdraw takes one side, by an option or a key, and says that versions stay', async () => {
  const store = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart').siteStore('berlin');
  const put = async (id: string) => {
    for (const use of ['training', 'evaluation'] as const) await store.put(siteKeys.image(use, id), image(7));
  };
  const left = async (id: string) =>
    (await collect(store.list(siteKeys.ofEvent('')))).map(({ key }) => key as string).filter((key) => key.includes(id));
  for (const id of ['b1', 'b2', 'b3']) await put(id);

  const dry = await site('withdraw', 'b1', '--use', 'training', '--keep-versions', '--dry-run');
  await site('withdraw', 'b1', '--use', 'training', '--keep-versions', '--yes');
  await site('withdraw', 'b2', '--use', 'held-out', '--yes');
  await site('withdraw', 'b3', '--file', 'cases/b3/image.nii.gz', '--yes');
  const contrary = await site('withdraw', 'b3', '--file', 'held-out/b3/image.nii.gz', '--use', 'training', '--yes');
  const gone = await site('withdraw', 'b1', '--use', 'training', '--dry-run');

  expect(dry.stdout).toMatch(
    /^1 object would be removed:\n {2}cases\/b1\/image\.nii\.gz {2}\d\.\d MB\nAll their versions/,
  );
  expect(await left('b1/')).toEqual(['held-out/b1/image.nii.gz']);
  expect(await left('b2/')).toEqual(['cases/b2/image.nii.gz']);
  expect(await left('b3/')).toEqual(['held-out/b3/image.nii.gz']);
  expect(contrary.code).toBe(1);
  expect(gone.stderr).toContain('has no case "b1" for training');
  expect(gone.stderr).toContain(`npx fedcardio site list berlin --federation heart --endpoint ${endpoint()}`);
});

test('site withdraw does not take the rejection of a withheld name for its case', async () => {
  const store = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart').siteStore('berlin');
  await store.put(siteKeys.image('training', 'Doe_John'), image(8));
  await site('rescan');
  const shown = shownName('Doe_John');

  const refused = await Promise.all([
    site('withdraw', shown, '--dry-run'),
    site('withdraw', shown, '--keep-versions', '--yes'),
  ]);
  const done = await site('withdraw', 'Doe_John', '--yes', '--json');

  for (const one of refused) {
    expect(one).toMatchObject({ code: 1, stderr: expect.stringContaining("Use the folder's name") });
  }
  expect(
    JSON.parse(done.stdout)
      .removed.map(({ key }: { key: string }) => key)
      .sort(),
  ).toEqual(['cases/Doe_John/image.nii.gz', `rejected/${shown}.json`]);
});

test('tells what could not be deleted', () => {
  const kept = [{ key: siteKeys.image('training', 'p1'), reason: 'It is locked.\u001b' }];

  const text = withdrawnText({ removed: [], kept, notified: 0 });

  expect(text).toContain(
    '1 object could not be deleted for good, and is hidden:\n  cases/p1/image.nii.gz  It is locked.',
  );
  expect(text).not.toContain('\u001b');
});
