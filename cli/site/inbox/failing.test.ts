import {
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
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SiteKey } from '../../../lib/federation/keys.ts';
import { DEFAULT_TASKS } from '../../../lib/federation/tasks.ts';
import { calcium, image } from '../../../lib/intake/testing.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import type { examine } from './examine.ts';
import { type InboxOptions, startInbox } from './watch.ts';

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

const examiner: typeof examine = async (_folder, { cases }) => ({ accepted: cases, refusedCases: [], reasons: [] });

function start(more: Partial<InboxOptions> = {}): void {
  const ending = new AbortController();
  const running = startInbox({
    dir,
    imports: join(root, 'imports'),
    pseudonyms: join(root, 'pseudonyms'),
    store,
    quietSeconds: 0.1,
    everySeconds: 0.02,
    importer: async () => ({ series: [], passedOver: [], otherFiles: 1 }),
    examiner: (folder, ...rest) => {
      imports.push(folder);
      return examiner(folder, ...rest);
    },
    tasks: async () => DEFAULT_TASKS,
    say: (line) => said.push(line),
    log: (event) => logged.push(event),
    signal: ending.signal,
    ...more,
  });
  stop = async () => {
    ending.abort();
    await running;
  };
}

const reports = () => readdirSync(join(dir, 'refused')).filter((name) => name.endsWith('.txt'));
const isLogged = (count: number) => vi.waitFor(() => expect(logged).toHaveLength(count), { timeout: 10_000 });

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

test.skipIf(!hasOtherVolume)('moves folders to another volume', async () => {
  const volume = mkdtempSync(join(SHM, 'fedcardio-inbox-'));
  mkdirSync(dir);
  symlinkSync(volume, join(dir, 'refused'));
  put('SCHMIDT^ANNA/series/letter.pdf');
  start();

  await isLogged(1);

  expect(readdirSync(volume)).toEqual(['SCHMIDT^ANNA', 'SCHMIDT^ANNA.txt']);
  expect(existsSync(join(volume, 'SCHMIDT^ANNA/series/letter.pdf'))).toBe(true);
  expect(readdirSync(dir)).toEqual(['done', 'refused']);
  rmSync(volume, { recursive: true });
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
