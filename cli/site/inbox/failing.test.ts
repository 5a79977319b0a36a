import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { FedcardioError } from '../../../lib/error.ts';
import type { SiteKey } from '../../../lib/federation/keys.ts';
import { calcium, image } from '../../../lib/intake/testing.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { acceptAll, startTestInbox } from './testing.ts';
import type { InboxOptions } from './watch.ts';

let root: string;
let dir: string;
let store: SiteStore;
let said: string[];
let logged: string[];
/** Folders whose import was begun. */
let imports: string[];
let stop: () => Promise<void>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-inbox-'));
  dir = join(root, 'inbox');
  store = createMemoryStorage()<SiteKey>('heart-site-kiel');
  [said, logged, imports] = [[], [], []];
});
afterEach(async () => {
  await stop();
  rmSync(root, { recursive: true });
});

function put(name: string, bytes: string | Uint8Array = 'text'): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), bytes);
}

function start(more: Partial<InboxOptions> = {}): void {
  stop = startTestInbox(root, {
    store,
    examiner: (folder, ...rest) => {
      imports.push(folder);
      return acceptAll(folder, ...rest);
    },
    say: (line) => said.push(line),
    log: (event) => logged.push(event),
    ...more,
  });
}

const reports = () => readdirSync(join(dir, 'refused')).filter((name) => name.endsWith('.txt'));
const isLogged = (count: number) => vi.waitFor(() => expect(logged).toHaveLength(count), { timeout: 10_000 });
const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('moves folders with the longest names, and writes reports', async () => {
  const [long, wide] = ['S'.repeat(255), 'ß'.repeat(127)];
  put(`${long}/letter.pdf`);
  put(`${wide}/letter.pdf`);
  start();
  await isLogged(2);
  put(`${long}/letter.pdf`);

  await isLogged(3);

  expect(reports().map((name) => name.slice(0, -4))).toEqual([
    `${'S'.repeat(249)}-2`,
    'S'.repeat(251),
    'ß'.repeat(125),
  ]);
  for (const name of reports()) expect(existsSync(join(dir, 'refused', name.slice(0, -4), 'letter.pdf'))).toBe(true);
  expect(said.filter((line) => line.startsWith('waiting'))).toEqual([]);
});

const SHM = '/dev/shm';
const hasOtherVolume = existsSync(SHM) && statSync(SHM).dev !== statSync(tmpdir()).dev;
/** A folder of another volume, which is removed after the test. */
function otherVolume(): string {
  const volume = mkdtempSync(join(SHM, 'fedcardio-inbox-'));
  onTestFinished(() => rmSync(volume, { recursive: true }));
  return volume;
}

test.skipIf(!hasOtherVolume)('moves folders to another volume', async () => {
  const volume = otherVolume();
  mkdirSync(dir);
  symlinkSync(volume, join(dir, 'refused'));
  put('SCHMIDT^ANNA/series/letter.pdf');
  start();

  await isLogged(1);

  expect(readdirSync(volume)).toEqual(['SCHMIDT^ANNA', 'SCHMIDT^ANNA.txt']);
  expect(existsSync(join(volume, 'SCHMIDT^ANNA/series/letter.pdf'))).toBe(true);
  expect(readdirSync(dir)).toEqual(['done', 'refused']);
});

test.skipIf(!hasOtherVolume)('leaves nothing of a move to another volume that fails', async () => {
  const volume = otherVolume();
  mkdirSync(dir);
  symlinkSync(volume, join(dir, 'refused'));
  put('SCHMIDT^ANNA/letter.pdf');
  // No system call copies a name that is not in UTF-8.
  writeFileSync(Buffer.from(join(dir, 'SCHMIDT^ANNA/Röntgen'), 'latin1'), '');
  start();

  await vi.waitFor(() => expect(said.join()).toContain('waiting'), { timeout: 10_000 });

  await stop();
  expect(said.join()).not.toContain('SCHMIDT');
  expect([readdirSync(volume), readdirSync(join(dir, 'SCHMIDT^ANNA')).length]).toEqual([[], 2]);
});

test('names no folder when a move fails, and keeps no report of it', async () => {
  put('SCHMIDT^ANNA/letter.pdf');
  start();
  await vi.waitFor(() => expect(existsSync(join(dir, 'refused'))).toBe(true));
  rmSync(join(dir, 'refused'), { recursive: true });
  writeFileSync(join(dir, 'refused'), '');

  await vi.waitFor(() => expect(said.join()).toContain('waiting'), { timeout: 10_000 });

  expect(said.join()).toContain(`${join(dir, 'refused')} (`);
  expect(said.join()).not.toContain('SCHMIDT');
  rmSync(join(dir, 'refused'));
  await isLogged(1);
  expect(reports()).toEqual(['SCHMIDT^ANNA.txt']);
});

test('names no folder when a file below it cannot be read', async () => {
  put('SCHMIDT^ANNA/image.nii.gz', image());
  start({
    examiner: async (_folder, { cases }) => {
      throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'read', path: cases[0]?.files[0]?.path });
    },
  });

  await vi.waitFor(() => expect(said.join()).toContain('waiting'), { timeout: 10_000 });

  expect(said).toContain(
    `waiting: The disk does not read or write at ${join(root, 'imports')} (EIO). Check the disk and the system's log.`,
  );
});

test('tries a folder whose import fails with growing pauses, until the folder changes', async () => {
  put('p1/image.nii.gz', image());
  const denied = () => Promise.reject(new FedcardioError('STORAGE', 'Access denied.'));
  start({ store: { ...store, putParts: denied } });
  await pass(1500);
  const [before, lines] = [imports.length, [...said]];
  put('p1/labels/calcification.nii.gz', calcium());
  // With the pauses of before, one import would follow.
  await vi.waitFor(() => expect(imports.length).toBeGreaterThan(before + 2), { timeout: 2000 });

  expect(before).toBeGreaterThan(2);
  expect(before).toBeLessThan(8);
  expect(lines).toEqual(['waiting: Access denied.']);
});

test('tries all folders again as soon as the storage is back', async () => {
  put('p1/image.nii.gz', image(1));
  let isAway = true;
  const putParts: SiteStore['putParts'] = async (...object) => {
    if (isAway) throw new FedcardioError('STORAGE_UNAVAILABLE', 'It is away.');
    return store.putParts(...object);
  };
  start({ store: { ...store, putParts }, everySeconds: 0.1 });
  // The next pause is of 3.2 seconds.
  await vi.waitFor(() => expect(imports.length).toBe(6), { timeout: 10_000 });
  isAway = false;
  put('p2/image.nii.gz', image(2));
  await isLogged(1);

  await vi.waitFor(() => expect(logged).toHaveLength(2), { timeout: 2000 });
});

test('says what it waits for if a file keeps changing, and names no file', async () => {
  put('Schmidt_Anna.log');
  put('a.dcm');
  put('SCHMIDT^ANNA/export.log');
  start({ quietSeconds: 0.3 });
  const growing = setInterval(() => {
    for (const name of ['Schmidt_Anna.log', 'SCHMIDT^ANNA/export.log']) appendFileSync(join(dir, name), 'x');
  }, 10);

  await vi.waitFor(() => expect(said.filter((line) => line.includes('changing'))).toHaveLength(2), { timeout: 10_000 });

  clearInterval(growing);
  expect(said.join()).not.toMatch(/schmidt/i);
  await isLogged(2);
});

test('does not say that nothing was imported of a CT that changed while it was imported', async () => {
  put('p1/image.nii.gz', image(1));
  put('p1/labels/calcification.nii.gz', calcium());
  const putParts: SiteStore['putParts'] = async (...object) => {
    const stored = await store.putParts(...object);
    put('p1/image.nii.gz', image(2));
    return stored;
  };
  start({ store: { ...store, putParts } });

  await isLogged(1);

  const report = readFileSync(join(dir, 'refused/p1.txt'), 'utf8');
  expect(report).not.toContain('Nothing of it was imported');
  expect(report).toMatch(/Kept as stored before, perhaps from this folder before it changed: p1\./);
});
