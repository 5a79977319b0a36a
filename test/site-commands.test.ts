import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../cli/testing.ts';
import { collect } from '../lib/async.ts';
import { createS3Client } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import { names } from '../lib/federation/topology.ts';
import { hingeMarkups, image } from '../lib/intake/testing.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { useServer } from '../local/emulator/testing.ts';

/** The commands of docs/intake.md, in its order. */
const COMMANDS = [...readFileSync('docs/intake.md', 'utf8').matchAll(/^ *npx fedcardio (site .+)$/gm)].map(
  ([, text = '']) => text.split(' '),
);
const { endpoint } = useServer();

let cwd: string;
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'fedcardio-site-commands-'));
  mkdirSync(join(cwd, 'CASES/p7/labels'), { recursive: true });
  writeFileSync(join(cwd, 'CASES/p7/image.nii.gz'), image());
  writeFileSync(join(cwd, 'CASES/p7/labels/hinge-points.mrk.json'), hingeMarkups());
  const s3 = createS3Client({ endpoint: endpoint() });
  for (const Bucket of [names.siteBucket('heart', 'heidelberg'), names.federationBucket('heart')]) {
    await s3.send(new CreateBucketCommand({ Bucket }));
  }
  s3.destroy();
});
afterAll(() => rmSync(cwd, { recursive: true }));

const run = (args: readonly string[]) => runCommand([...args, '--endpoint', endpoint()], cwd);
const rescan = () => run(['site', 'rescan', 'heidelberg', '--federation', 'heart']);

/** Runs a command while intake works. */
async function withIntake(args: readonly string[]) {
  let isDone = false;
  const command = run(args).finally(() => {
    isDone = true;
  });
  while (!isDone) await rescan();
  return command;
}

test('docs/intake.md: check, upload, list, status, undo and withdraw', async () => {
  const { siteStore } = storesOf(createObjectStorage({ endpoint: endpoint() }), 'heart');
  const all = async () => (await collect(siteStore('heidelberg').list(siteKeys.ofEvent('')))).map(({ key }) => key);
  const of = (command: string) => COMMANDS.filter(([, name]) => name === command);
  const [undoCase, undoLabel, dryRun, withdraw] = of('withdraw').map((args) => [...args, '--yes']) as string[][];

  const checked = await runCommand(of('check')[0] as string[], cwd);
  const uploaded = await withIntake(of('upload')[0] as string[]);
  const listed = await run(of('list')[0] as string[]);
  const status = await run(of('status')[0] as string[]);
  await run(undoLabel as string[]);
  const withoutLabel = await all();
  // No event tells intake of the removal.
  await rescan();
  const afterRescan = await run(of('list')[0] as string[]);
  await run(undoCase as string[]);
  await rescan();
  const undone = await all();
  await withIntake(of('upload')[0] as string[]);
  const dry = await run(dryRun as string[]);
  const withdrawn = await run(withdraw as string[]);

  expect(checked).toMatchObject({ code: 0, stdout: '1 of 1 case would be accepted.\n' });
  expect(uploaded).toMatchObject({ code: 0, stdout: expect.stringContaining('1 of 1 case is accepted.') });
  expect(listed.stdout).toMatch(/^p7 +training +accepted +hinge-points$/m);
  expect(status.stdout).toMatch(/^hinge-points +1 +0 +0$/m);
  expect(withoutLabel.filter((key) => key.startsWith('cases/'))).toEqual(['cases/p7/image.nii.gz']);
  expect(afterRescan.stdout).toMatch(/^p7 +training +accepted$/m);
  expect(undone.filter((key) => /^(cases|catalog|rejected)\//.test(key))).toEqual([]);
  expect(dry.stdout).toContain('cases/p7/image.nii.gz');
  expect(withdrawn).toMatchObject({ code: 0, stderr: '' });
  expect((await all()).filter((key) => !/^(rescan|withdrawn)\//.test(key))).toEqual([]);
}, 240_000);
