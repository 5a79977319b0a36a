import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collect } from '../../../lib/async.ts';
import { createLinkSigner } from '../../../lib/aws/links.ts';
import { createObjectStorage } from '../../../lib/aws/objects.ts';
import { siteKeys } from '../../../lib/federation/keys.ts';
import { DEFAULT_TASKS } from '../../../lib/federation/tasks.ts';
import { names, topologyOf } from '../../../lib/federation/topology.ts';
import { calcium, hingeMarkups, image, PNG } from '../../../lib/intake/testing.ts';
import { storesOf } from '../../../lib/storage/stores.ts';
import { deploy } from '../../../local/deploy/deploy.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../../local/emulator/server.ts';
import { runCommand } from '../../testing.ts';
import { readInvitation } from './invitation.ts';
import { invitedFiles } from './invited-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-invite-'));
const path = (name: string) => join(folder, name);
let server: EmbeddedServer;

beforeAll(async () => {
  server = await startEmbeddedServer({ dataDir: path('server') });
  const sites = [{ id: 'bonn', name: 'Bonn' }];
  await deploy(server.endpoint, topologyOf({ schema: 'fedcardio.federation/1', id: 'heart', sites }));
  for (const [seed, id] of ['p1', 'p2'].entries()) {
    mkdirSync(path(`CASES/${id}/labels`), { recursive: true });
    writeFileSync(path(`CASES/${id}/image.nii.gz`), image(seed));
  }
  writeFileSync(path('CASES/p1/labels/hinge-points.mrk.json'), hingeMarkups());
  writeFileSync(path('cases.txt'), '# pseudonyms\np1\n\np2/image.nii.gz\n');
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const stored = async (prefix = 'cases/') => {
  const { siteStore } = storesOf(createObjectStorage(server), 'heart');
  return (await collect(siteStore('bonn').list(siteKeys.ofEvent(prefix)))).map(({ key }) => key);
};
const invite = (source: string, out: string, ...more: string[]) =>
  runCommand([
    ...['site', 'invite', 'bonn', path(source), '--out', path(out)],
    ...['--federation', 'heart', '--endpoint', server.endpoint, ...more],
  ]);

/** Runs intake until the command has ended. */
async function withIntake(args: readonly string[]) {
  let isDone = false;
  const command = runCommand(args).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await runCommand(['site', 'rescan', 'bonn', '--federation', 'heart', '--endpoint', server.endpoint]);
  }
  return command;
}

test('a hospital without credentials uploads with the links, and learns what intake says', async () => {
  const invited = await invite('cases.txt', 'invitation.json', '--tasks', 'hinge-points');
  expect(invited).toMatchObject({ code: 0, stdout: expect.stringContaining('--invite') });
  expect(statSync(path('invitation.json')).mode & 0o077).toBe(0);
  const again = await invite('cases.txt', 'invitation.json');
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('exists already') });

  const uploaded = await withIntake(['site', 'upload', 'bonn', path('CASES'), '--invite', path('invitation.json')]);

  expect(uploaded.code, uploaded.stderr).toBe(0);
  expect(uploaded.stdout).toMatch(/p1 +accepted\np2 +accepted/);
  expect(await stored()).toEqual([
    'cases/p1/image.nii.gz',
    'cases/p1/labels/hinge-points.mrk.json',
    'cases/p2/image.nii.gz',
  ]);
}, 120_000);

test('what has no link, or another size than the link accepts, is told and not uploaded', async () => {
  expect((await invite('CASES', 'sized.json', '--json')).code).toBe(0);
  mkdirSync(path('MORE/p1'), { recursive: true });
  mkdirSync(path('MORE/p9'), { recursive: true });
  writeFileSync(path('MORE/p1/image.nii.gz'), image(7));
  writeFileSync(path('MORE/p9/image.nii.gz'), image(9));
  const before = await stored();

  const { code, stdout, stderr } = await runCommand([
    ...['site', 'upload', 'bonn', path('MORE'), '--invite', path('sized.json'), '--no-wait', '--no-check', '--json'],
  ]);

  expect(code).toBe(1);
  expect(stderr).toContain('no link for cases/p9/image.nii.gz');
  expect(JSON.parse(stdout).without).toContain('cases/p9/image.nii.gz');
  expect(await stored()).toEqual(before);
}, 60_000);

test('only what intake would refuse stays of a case, unless it is asked for', async () => {
  mkdirSync(path('PARTS/p3/labels'), { recursive: true });
  writeFileSync(path('PARTS/p3/image.nii.gz'), image(3));
  writeFileSync(path('PARTS/p3/labels/calcification.nii.gz'), calcium());
  writeFileSync(path('PARTS/p3/labels/hinge-points.nii.gz'), PNG);
  await invite('PARTS', 'points.json', '--tasks', 'hinge-points');
  const upload = ['site', 'upload', 'bonn', path('PARTS'), '--invite', path('points.json')];

  const checked = await withIntake(upload);
  const before = await stored('cases/p3/');
  await runCommand([...upload, '--with-refused', '--no-wait']);

  expect(checked.code, checked.stderr).toBe(1);
  expect(checked.stdout).toMatch(/p3 +partly accepted/);
  expect(checked.stdout).toMatch(/not uploaded {2}p3.labels.calcification\.nii\.gz: /);
  expect(before).toEqual(['cases/p3/image.nii.gz']);
  expect(await stored('cases/p3/')).toContain('cases/p3/labels/hinge-points.nii.gz');
}, 120_000);

test('the command that an invitation of held-out cases prints uploads them as held out', async () => {
  mkdirSync(path('HELD/p4'), { recursive: true });
  writeFileSync(path('HELD/p4/image.nii.gz'), image(4));
  const { stdout } = await invite('HELD', 'held.json', '--held-out');
  const [, ...words] = (stdout.split('\n').find((line) => line.includes('site upload')) ?? '').trim().split(' ');

  const args = words.slice(1).map((word) => (word === 'CASES' ? path('HELD') : word));
  const { stderr } = await runCommand([...args, '--no-wait']);

  expect(stderr).toContain('1 file uploaded');
  expect(await stored('held-out/')).toEqual(['held-out/p4/image.nii.gz']);
}, 60_000);

test('what of a folder gets no link is told with the reason', async () => {
  mkdirSync(path('LEFT/p7/labels'), { recursive: true });
  mkdirSync(path('LEFT/Müller Hans'), { recursive: true });
  for (const file of ['p7/image.nii.gz', 'Müller Hans/image.nii.gz']) writeFileSync(path(`LEFT/${file}`), image(7));
  writeFileSync(path('LEFT/p7/labels/foo.nii.gz'), calcium());
  writeFileSync(path('LEFT/notes.txt'), 'notes');

  const { code, stdout, stderr } = await invite('LEFT', 'left.json');

  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/links for 1 file of 1 case, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.\n/);
  expect(stderr).toMatch(/left out: case Müller Hans: its name .+ Rename the folder/);
  expect(stderr).toContain('left out: p7/labels/foo.nii.gz: it is of no task of the invitation.');
  expect(stderr).toContain('left out: notes.txt: it is in no folder of a case.');
}, 60_000);

describe('an upload by invitation is refused', () => {
  const upload = (site: string, file: string, dir = 'CASES') =>
    runCommand(['site', 'upload', site, path(dir), '--invite', path(file), '--no-wait']);

  test('of another site, after its end, and of what is no invitation', async () => {
    await invite('cases.txt', 'valid.json');
    const invitation = JSON.parse(readFileSync(path('valid.json'), 'utf8'));
    writeFileSync(path('old.json'), JSON.stringify({ ...invitation, expires: '2026-01-01T00:00:00.000Z' }));
    writeFileSync(path('none.json'), '{}');

    expect(await upload('jena', 'valid.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('not jena') });
    expect(await upload('bonn', 'old.json')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Ask for a new'),
    });
    expect(await upload('bonn', 'none.json')).toMatchObject({ code: 1, stderr: expect.stringContaining('none.json') });
  }, 60_000);

  test('of files that intake would refuse: they stay', async () => {
    mkdirSync(path('BAD/p1'), { recursive: true });
    writeFileSync(path('BAD/p1/image.nii.gz'), PNG);

    const { code, stdout } = await upload('bonn', 'valid.json', 'BAD');

    expect(code).toBe(1);
    expect(stdout).toContain('not uploaded');
  }, 60_000);
});

describe('the files of an invitation', () => {
  const list = (text: string) => {
    writeFileSync(path('list.txt'), text);
    return invitedFiles(path('list.txt'), 'training', DEFAULT_TASKS);
  };

  test('are those of each named case, or those that are named', () => {
    expect(list('p7').map(({ key }) => key)).toContain('cases/p7/labels/hinge-points.mrk.json');
    expect(list('p7/image.nii.gz\np7/image.nii.gz')).toEqual([{ key: 'cases/p7/image.nii.gz' }]);
    expect(invitedFiles(path('CASES'), 'evaluation', DEFAULT_TASKS)).toContainEqual({
      key: 'held-out/p2/image.nii.gz',
      bytes: statSync(path('CASES/p2/image.nii.gz')).size,
    });
  });

  test('of a folder are no labels of other tasks than those that are asked for', () => {
    mkdirSync(path('TASKS/p1/labels'), { recursive: true });
    for (const name of ['image.nii.gz', 'labels/calcification.nii.gz', 'labels/hinge-points.mrk.json'])
      writeFileSync(path(`TASKS/p1/${name}`), 'x');
    const tasks = DEFAULT_TASKS.filter(({ id }) => id === 'hinge-points');

    expect(invitedFiles(path('TASKS'), 'training', tasks).map(({ key }) => key)).toEqual([
      'cases/p1/image.nii.gz',
      'cases/p1/labels/hinge-points.mrk.json',
    ]);
  });

  test.each(['Müller^Anna', 'p7/notes.txt', '../p8', 'p7/../../sites/x', 'p7/labels/../image.nii.gz'])(
    'are never %s',
    (line) => {
      expect(() => list(`p1\n${line}`)).toThrow(/^Line 2 of /);
    },
  );

  test('an empty list is no invitation', () => {
    expect(() => list('# nothing\n')).toThrow('names no cases');
  });
});

test('a link signs its object, its end and, if known, its size', async () => {
  const signer = createLinkSigner(
    { endpoint: server.endpoint, region: 'eu-central-1', credentials: { accessKeyId: 'x', secretAccessKey: 'y' } },
    names.siteBucket('heart', 'bonn'),
    7200,
  );

  const sized = new URL(await signer.upload('cases/p1/image.nii.gz', 17)).searchParams;
  const free = new URL(await signer.upload('cases/p1/image.nii.gz', undefined)).searchParams;

  expect(sized.get('X-Amz-SignedHeaders')).toBe('content-length;host');
  expect(sized.get('X-Amz-Expires')).toBe('7200');
  expect(free.get('X-Amz-SignedHeaders')).toBe('host');
  // A link that demanded the checksum of an empty body would refuse every file.
  expect([...sized.keys(), ...free.keys()].filter((name) => /checksum/i.test(name))).toEqual([]);
});

test('the longest validity is that of AWS', async () => {
  const { code, stderr } = await invite('cases.txt', 'long.json', '--hours', '169');

  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('168 hours at most') });
  expect(() => readInvitation(path('cases.txt'))).toThrow('cases.txt');
}, 30_000);

test('no links lead to a bucket that does not exist', async () => {
  const args = ['site', 'invite', 'nowhere', path('cases.txt'), '--out', path('nowhere.json')];
  const { code, stderr } = await runCommand([...args, '--federation', 'heart', '--endpoint', server.endpoint]);

  expect(code).toBe(1);
  expect(stderr).toContain('Federation "heart" has no site "nowhere".');
});
