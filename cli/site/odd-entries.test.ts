import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { collect } from '../../lib/async.ts';
import { inspectDicom } from '../../lib/dicom/inspect.ts';
import { type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { calcium, image } from '../../lib/intake/testing.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { readMaterial } from '../train/material.ts';
import { checkFolder } from './check-folder.ts';
import { startInbox } from './inbox/watch.ts';
import { readSiteFolder } from './site-folder.ts';

const DICOM = join(import.meta.dirname, '../../test/fixtures/dicom/explicit');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-odd-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(name: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  writeFileSync(join(root, name), bytes);
}
const latin1 = (name: string) => Buffer.from(join(root, name), 'latin1');
/** An unreadable name, a link to nothing and one to itself. */
function addOdd(folder: string): void {
  mkdirSync(join(root, folder), { recursive: true });
  mkdirSync(latin1(`${folder}/Röntgen`));
  symlinkSync('nowhere', join(root, folder, 'dangling'));
  symlinkSync('itself', join(root, folder, 'itself'));
}
const REASONS = [/not in UTF-8/, /points to nothing/, /leads back to itself/].map((reason) =>
  expect.stringMatching(reason),
);

test('an import tells odd entries beside the series that it reads', async () => {
  cpSync(DICOM, join(root, 'study'), { recursive: true });
  addOdd('.');
  for (const name of ['ä', 'ö']) writeFileSync(latin1(`study/${name}.dcm`), '');

  const { volumes, refused } = await inspectDicom(root);

  expect(volumes).toHaveLength(1);
  expect(refused.map(({ series, reason }) => [series, reason])).toEqual([
    ['Röntgen and 2 more', REASONS[0]],
    ['dangling', REASONS[1]],
    ['itself', REASONS[2]],
  ]);
});

test('a check tells odd entries, and checks all cases', async () => {
  put('p1/image.nii.gz', image(1));
  put('p2/labels/calcification.nii.gz', calcium());
  symlinkSync('nowhere', join(root, 'p2/image.nii.gz'));
  addOdd('p3');

  const [beside, ...cases] = await checkFolder(readSiteFolder(root, DEFAULT_TASKS), { tasks: DEFAULT_TASKS });

  expect(cases.map((one) => [one.case, one.accepted])).toEqual([
    ['p1', true],
    ['p2', false],
  ]);
  expect(beside?.faults.map(({ file, reason }) => [file, reason])).toEqual([
    ['p2/image.nii.gz', expect.stringMatching(/points to nothing\. The same is true of 1 more, to p3\/dangling/)],
    ['p3/Röntgen', REASONS[0]],
    ['p3/itself', REASONS[2]],
  ]);
});

test('a check of a data set of nnU-Net tells images and labels that point to nothing', async () => {
  put('dataset.json', JSON.stringify({ channel_names: { 0: 'CT' }, labels: { background: 0, calcification: 1 } }));
  put('imagesTr/a_0000.nii.gz', image(1));
  mkdirSync(join(root, 'labelsTr'));
  symlinkSync('nowhere', join(root, 'imagesTr/b_0000.nii.gz'));
  symlinkSync('nowhere', join(root, 'labelsTr/a.nii.gz'));

  const checked = await checkFolder(readSiteFolder(root, DEFAULT_TASKS), { tasks: DEFAULT_TASKS });

  expect(checked.map((one) => [one.case, one.accepted])).toEqual([
    ['.', false],
    ['a', true],
  ]);
});

test('training tells odd entries', () => {
  put('p1/image.nii.gz', image(1));
  put('p1/labels/calcification.nii.gz', calcium());
  put('p2/image.nii.gz', image(2));
  put('p2/labels/calcification.nii.gz', calcium());
  addOdd('p1/labels');
  const said: string[] = [];
  const rest = { federation: null, campaign: null, heldOut: 0.5, seed: 1, simulateSites: null, quick: false };
  const request = { sites: [{ id: 'bonn', dir: root }], ...rest } as unknown as Parameters<typeof readMaterial>[0];

  readMaterial(request, undefined, (line) => said.push(line));

  expect(said).toEqual(REASONS);
  expect(said[1]).toMatch(/^bonn\/p1\/labels\/dangling: /);
});

test('an inbox tells odd entries, and imports the others', async () => {
  put('inbox/p1/image.nii.gz', image(1));
  put('inbox/p2/image.nii.gz', image(2));
  addOdd('inbox');
  mkdirSync(latin1('inbox/Jürgen_Schmidt'));
  addOdd('inbox/p2');
  mkdirSync(join(root, 'inbox/only'));
  mkdirSync(latin1('inbox/only/Ärzte'));
  const store = createMemoryStorage()<SiteKey>('heart-site-kiel');
  const said: string[] = [];
  const ending = new AbortController();
  const running = startInbox({
    dir: join(root, 'inbox'),
    imports: join(root, 'imports'),
    pseudonyms: join(root, 'pseudonyms'),
    store,
    quietSeconds: 0.1,
    everySeconds: 0.02,
    tasks: async () => DEFAULT_TASKS,
    say: (line) => said.push(line),
    log: () => undefined,
    signal: ending.signal,
  });

  const refused = join(root, 'inbox/refused');
  await vi.waitFor(
    async () => {
      expect(readdirSync(refused)).toEqual(['only', 'only.txt', 'p2', 'p2.txt']);
      expect((await collect(store.list('' as SiteKey))).map(({ key }) => key)).toEqual(
        ['p1', 'p2'].map((id) => siteKeys.image('training', id)),
      );
    },
    { timeout: 30_000 },
  );
  ending.abort();
  await running;

  const told = said.filter((line) => line.startsWith('waiting'));
  expect(told.filter((line) => !line.includes('withheld'))).toEqual(REASONS);
  expect(told.filter((line) => line.includes('withheld'))).toEqual([REASONS[0]]);
  expect(told.join()).not.toMatch(/Schmidt/);
  for (const reason of ['not in UTF-8', 'points to nothing', 'leads back']) {
    expect(readFileSync(join(refused, 'p2.txt'), 'utf8')).toContain(reason);
  }
  expect(readFileSync(join(refused, 'only.txt'), 'utf8')).toContain('not in UTF-8');
}, 60_000);
