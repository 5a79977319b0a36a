import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { createS3Client } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { names } from '../../lib/federation/topology.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { useServer } from '../../local/emulator/testing.ts';
import { runCommand } from '../testing.ts';

const { endpoint } = useServer();
const lineage = (name: string, ...more: readonly string[]) =>
  runCommand(['site', 'lineage', 'bonn', name, '--federation', 'heart', '--endpoint', endpoint(), ...more]);

beforeAll(async () => {
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'bonn'), names.federationBucket('heart')])
    await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const store = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart').siteStore('bonn');
  await store.put(siteKeys.ofEvent('held-out/p001/image.nii.gz'), 'CT');
  await store.put(siteKeys.withdrawn('gone'), '{}');
});

test.each([[[]], [['--json']]])('site lineage says that there is no such case: %j', async (more) => {
  const { code, stdout, stderr } = await lineage('p0O1', ...more);

  expect(stderr).toContain('Site bonn has no case "p0O1", and none of this name was withdrawn.');
  expect(stderr).toContain(`npx fedcardio site list bonn --federation heart --endpoint ${endpoint()}`);
  expect(stdout).toBe('');
  expect(code).toBe(1);
});

test.each(['p001', 'gone'])('site lineage says of a case that no update has used it: %s', async (name) => {
  expect(await lineage(name)).toMatchObject({ code: 0, stdout: 'No update has used the case.\n' });
});
