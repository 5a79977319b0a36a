import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { collect } from '../../../lib/async.ts';
import type { DicomImport, importDicom } from '../../../lib/dicom/import.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { startInbox } from './watch.ts';

let root: string;
let dir: string;
let store: SiteStore;
let writes: string[];
let said: string[];
let stop: () => Promise<void>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-inbox-'));
  dir = join(root, 'inbox');
  writes = [];
  said = [];
  const memory = createMemoryStorage()<SiteKey>('heart-site-kiel');
  store = {
    ...memory,
    put: (key, ...rest) => {
      writes.push(key);
      return memory.put(key, ...rest);
    },
  };
  stop = async () => undefined;
});
afterEach(async () => {
  await stop();
  rmSync(root, { recursive: true });
});

const series = (name: string, reason: string | null): DicomImport['series'][number] => ({
  series: name,
  case: reason === null ? `c-${name}` : null,
  reason,
  hint: reason === null ? null : 'Export it again.',
  images: 3,
  phase: null,
  isNew: true,
});

/** An importer of files `<series>.dcm`, whose text is the image, or the reason to refuse the series. */
const importer: typeof importDicom = async (folder, out) => {
  const found = readdirSync(folder).filter((name) => name.endsWith('.dcm'));
  const results = found.map((file) => {
    const name = basename(file, '.dcm');
    const text = readFileSync(join(folder, file), 'utf8');
    if (text === 'crash') throw new Error('Cannot read properties of undefined');
    if (text.startsWith('bad')) return series(name, 'An image is missing.');
    mkdirSync(join(out, `c-${name}`), { recursive: true });
    writeFileSync(join(out, `c-${name}`, 'image.nii.gz'), text);
    return series(name, null);
  });
  return { series: results, passedOver: [], otherFiles: readdirSync(folder).length - found.length };
};

function start(more: Partial<Parameters<typeof startInbox>[0]> = {}): void {
  const ending = new AbortController();
  const running = startInbox({
    dir,
    imports: join(root, 'imports'),
    pseudonyms: join(root, 'pseudonyms'),
    store,
    quietSeconds: 0.1,
    everySeconds: 0.02,
    importer,
    say: (line) => said.push(line),
    signal: ending.signal,
    ...more,
  });
  stop = async () => {
    ending.abort();
    await running;
  };
}

function put(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(dir, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, folder, name, '..'), { recursive: true });
    writeFileSync(join(dir, folder, name), text);
  }
}
const keys = async () => (await collect(store.list('' as SiteKey))).map(({ key }) => key);
const waiting = () => readdirSync(dir).filter((name) => name !== 'done' && name !== 'refused');
const isEmpty = () => vi.waitFor(() => expect(waiting()).toEqual([]), { timeout: 20_000, interval: 20 });

describe('an inbox', () => {
  test('imports series of DICOM and case folders, and moves them away', async () => {
    put('study', { 'a.dcm': 'ct a', 'b.dcm': 'ct b' });
    put('p1', { 'image.nii.gz': 'ct', 'labels/hinge-points.mrk.json': '{}' });
    put('several', { 'p2/image.nii.gz': 'ct', 'p3/image.nii.gz': 'ct' });
    start();

    await isEmpty();

    const images = ['c-a', 'c-b', 'p1', 'p2', 'p3'].map((id) => siteKeys.image('training', id));
    expect(await keys()).toEqual([...images, siteKeys.markups('training', 'p1', 'hinge-points')].toSorted());
    expect(readdirSync(join(dir, 'done')).sort()).toEqual(['p1', 'several', 'study']);
    expect(existsSync(join(dir, 'done', 'study', 'a.dcm'))).toBe(true);
    expect(said).toContain('2 cases imported: c-a, c-b');
  });

  test('says in a file beside it why a folder was refused, and what of it was imported', async () => {
    put('SCHMIDT^ANNA', { 'a.dcm': 'ct a', 'b.dcm': 'bad' });
    put('letters', { 'letter.pdf': '%PDF' });
    put('crash', { 'x.dcm': 'crash' });
    put('good', { 'g.dcm': 'ct g' });
    start();

    await isEmpty();

    const reasons = (name: string) => readFileSync(join(dir, 'refused', `${name}.txt`), 'utf8');
    expect(reasons('SCHMIDT^ANNA')).toMatch(/- b: An image is missing\. Export it again\.\n\nImported from it: c-a\./);
    expect(reasons('letters')).toContain('The folder holds no CT series.');
    expect(reasons('crash')).toContain('Cannot read properties');
    expect(await keys()).toEqual(['c-a', 'c-g'].map((id) => siteKeys.image('training', id)));
    expect(readdirSync(join(dir, 'done'))).toEqual(['good']);
    expect(said.join()).not.toContain('SCHMIDT');
  });

  test('waits until a folder has not changed for a while', async () => {
    start({ quietSeconds: 0.5 });
    await vi.waitFor(() => expect(existsSync(join(dir, 'done'))).toBe(true));
    for (const name of ['a', 'b', 'c', 'd']) {
      put('study', { [`${name}.dcm`]: `ct ${name}` });
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(writes).toEqual([]);
    }

    await isEmpty();

    expect(await keys()).toHaveLength(4);
  });

  test('gathers files that lie outside any folder', async () => {
    put('.', { 'a.dcm': 'ct a', 'b.dcm': 'ct b' });
    start();

    await isEmpty();

    expect(await keys()).toHaveLength(2);
    expect(readdirSync(join(dir, 'done'))).toEqual([expect.stringMatching(/^files-\d{4}-/)]);
  });

  test('takes two hundred series unattended, and refuses the bad ones', async () => {
    for (let n = 0; n < 200; n++) put(`study-${n}`, { [`s${n}.dcm`]: n % 10 === 7 ? 'bad' : `ct ${n}` });
    start();

    await isEmpty();

    expect(await keys()).toHaveLength(180);
    expect(readdirSync(join(dir, 'done'))).toHaveLength(180);
    expect(readdirSync(join(dir, 'refused'))).toHaveLength(40);
  }, 60_000);

  test('goes on after a crash between upload and move, without doubles', async () => {
    const crash = new Error('killed');
    const refuse = { ...store, put: () => Promise.reject(new FedcardioError('STORAGE_UNAVAILABLE', 'It is away.')) };
    put('study', { 'a.dcm': 'ct a', 'b.dcm': 'ct b' });
    start({ store: { ...refuse, list: store.list } });
    await vi.waitFor(() => expect(said).toContain('waiting: It is away.'));
    await stop();
    expect(waiting()).toEqual(['study']);
    let first = true;
    const dies: SiteStore = {
      ...store,
      put: async (...object) => {
        if (!first) throw crash;
        first = false;
        return store.put(...object);
      },
    };
    start({ store: dies });
    await vi.waitFor(() => expect(said).toContain('waiting: killed'));
    await stop();
    start();

    await isEmpty();

    expect(await keys()).toEqual(['c-a', 'c-b'].map((id) => siteKeys.image('training', id)));
    expect(writes).toEqual(['c-a', 'c-b'].map((id) => siteKeys.image('training', id)));
  });

  test('does not replace a CT on which somebody has drawn labels', async () => {
    await store.put(siteKeys.image('training', 'c-a'), 'ct a');
    await store.put(siteKeys.image('training', 'c-b'), 'ct b');
    await store.put(siteKeys.markups('training', 'c-b', 'hinge-points'), '{}');
    put('study', { 'a.dcm': 'more of ct a', 'b.dcm': 'more of ct b' });
    start();

    await isEmpty();

    const textOf = async (id: string) => Buffer.from((await store.get(siteKeys.image('training', id))).body).toString();
    expect(await textOf('c-a')).toBe('more of ct a');
    expect(await textOf('c-b')).toBe('ct b');
    expect(readFileSync(join(dir, 'refused', 'study.txt'), 'utf8')).toContain('Case c-b: its CT differs');
  });

  test('refuses a circle of links, and takes a path relative to the working directory', async () => {
    put('p1', { 'image.nii.gz': 'ct' });
    put('study', { 'a.dcm': 'ct a' });
    symlinkSync('.', join(dir, 'study', 'circle'));
    start({ dir: relative('.', dir) });

    await isEmpty();

    expect(await keys()).toEqual([siteKeys.image('training', 'p1')]);
    expect(readFileSync(join(dir, 'refused', 'study.txt'), 'utf8')).toContain('circle');
  });

  test('keeps two folders of one name apart', async () => {
    put('study', { 'a.dcm': 'ct a' });
    start();
    await isEmpty();
    put('study', { 'b.dcm': 'ct b' });

    await isEmpty();

    expect(readdirSync(join(dir, 'done')).sort()).toEqual(['study', 'study-2']);
  });

  test('fails before any work if its folder cannot be used', async () => {
    writeFileSync(join(root, 'file'), '');

    await expect(startInbox({ ...optionsOf(), dir: join(root, 'file', 'inbox') })).rejects.toThrow(join(root, 'file'));
  });
});

const optionsOf = () => ({
  dir,
  imports: join(root, 'imports'),
  pseudonyms: join(root, 'pseudonyms'),
  store,
  quietSeconds: 0,
  say: () => undefined,
  signal: new AbortController().signal,
});
