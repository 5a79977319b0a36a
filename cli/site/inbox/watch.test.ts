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
import { basename, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { collect } from '../../../lib/async.ts';
import { type DicomImport, importDicom } from '../../../lib/dicom/import.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import { calcium, image, PNG } from '../../../lib/intake/testing.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { examine } from './examine.ts';
import { startTestInbox } from './testing.ts';
import type { InboxOptions } from './watch.ts';

const DICOM = join(import.meta.dirname, '../../../test/fixtures/dicom/explicit');

let root: string;
let dir: string;
let store: SiteStore;
let writes: string[];
let said: string[];
let logged: object[];
let stop: () => Promise<void>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-inbox-'));
  dir = join(root, 'inbox');
  writes = [];
  said = [];
  logged = [];
  const memory = createMemoryStorage()<SiteKey>('heart-site-kiel');
  store = {
    ...memory,
    putParts: (key, ...rest) => {
      writes.push(key);
      return memory.putParts(key, ...rest);
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

function start(more: Partial<InboxOptions> = {}): void {
  stop = startTestInbox(root, {
    store,
    importer,
    say: (line) => said.push(line),
    log: (event, fields) => logged.push({ event, ...fields }),
    ...more,
  });
}

function put(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  mkdirSync(join(dir, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, folder, name, '..'), { recursive: true });
    writeFileSync(join(dir, folder, name), text);
  }
}
const reasons = (name: string) => readFileSync(join(dir, 'refused', `${name}.txt`), 'utf8');
const keys = async () => (await collect(store.list('' as SiteKey))).map(({ key }) => key);
const waiting = () => readdirSync(dir).filter((name) => name !== 'done' && name !== 'refused');
/** Waits until each folder is moved, its text written and its event logged. */
const isEmpty = () =>
  vi.waitFor(
    () => {
      expect(waiting()).toEqual([]);
      const moved = ['done', 'refused'].flatMap((name) => readdirSync(join(dir, name)));
      expect(logged).toHaveLength(moved.filter((name) => !name.endsWith('.txt')).length);
    },
    { timeout: 20_000, interval: 20 },
  );

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

    expect(reasons('SCHMIDT^ANNA')).toMatch(/- b: An image is missing\. Export it again\.\n\nImported from it: c-a\./);
    expect(reasons('letters')).toContain('The folder holds no CT series, but 1 file');
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
    const away = () => Promise.reject(new FedcardioError('STORAGE_UNAVAILABLE', 'It is away.'));
    put('study', { 'a.dcm': 'ct a', 'b.dcm': 'ct b' });
    start({ store: { ...store, putParts: away } });
    await vi.waitFor(() => expect(said).toContain('waiting: It is away.'));
    await stop();
    expect(waiting()).toEqual(['study']);
    let first = true;
    const dies: SiteStore = {
      ...store,
      putParts: async (...object) => {
        if (!first) throw crash;
        first = false;
        return store.putParts(...object);
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

  test('follows no circle of links, and takes a path relative to the working directory', async () => {
    put('p1', { 'image.nii.gz': 'ct' });
    put('study', { 'a.dcm': 'ct a' });
    symlinkSync('.', join(dir, 'study', 'circle'));
    start({ dir: relative('.', dir) });

    await isEmpty();

    expect(await keys()).toEqual(['c-a', 'p1'].map((id) => siteKeys.image('training', id)));
    expect(readdirSync(join(dir, 'done'))).toEqual(['p1', 'study']);
  });

  test('keeps two folders of one name apart', async () => {
    put('study', { 'a.dcm': 'ct a' });
    start();
    await isEmpty();
    put('study', { 'b.dcm': 'ct b' });

    await isEmpty();

    expect(readdirSync(join(dir, 'done')).sort()).toEqual(['study', 'study-2']);
  });

  test('stores no CT that intake would reject, and says why', async () => {
    put('p1', { 'image.nii.gz': image(1), 'labels/calcificaton.nii.gz': calcium() });
    put('several', { 'p2/image.nii.gz': PNG, 'p3/image.nii.gz': image(3), 'p4.nii.gz': image(4) });
    start({ examiner: examine });

    await isEmpty();

    expect(await keys()).toEqual(['p1', 'p3'].map((id) => siteKeys.image('training', id)));
    expect(reasons('p1')).toMatch(/- p1\/calcificaton\.nii\.gz: .+ .+\.\n\nImported from it: p1\./);
    expect(reasons('several')).toMatch(/- p2\/image\.nii\.gz: .+PNG.+\./);
    expect(reasons('several')).toMatch(/- p4\.nii\.gz: It is not in the folder of a case\. Put it into/);
    expect(said).toContain('1 case refused: p2');
    expect(logged).toContainEqual({
      event: 'inbox-refused',
      imported: ['p3'],
      present: [],
      refused: ['p2'],
      reasons: 2,
    });
  });

  test('refuses case folders named after patients, and repeats the name nowhere', async () => {
    put('Krautwurst_Otto', { 'image.nii.gz': image(1) });
    put('study7', { 'Mueller^Hans/image.nii.gz': image(2), 'p3/image.nii.gz': image(3), 'p3/Mueller^Hans.txt': 'x' });
    start({ examiner: examine });

    await isEmpty();

    expect(await keys()).toEqual([siteKeys.image('training', 'p3')]);
    expect(reasons('Krautwurst_Otto')).toMatch(/- withheld-[0-9a-f]{8}: The case's name looks like a person's name\./);
    expect(reasons('study7')).toMatch(/- withheld-[0-9a-f]{8}: The case's name/);
    expect(said.join('\n')).toMatch(/1 case refused: withheld-[0-9a-f]{8}/);
    expect(JSON.stringify([said, logged, reasons('study7'), reasons('Krautwurst_Otto')])).not.toMatch(/Otto|Hans/);
  });

  test('keeps a CT whose series comes in two parts, and takes the whole series', async () => {
    const names = readdirSync(DICOM);
    const files = (some: readonly string[]) =>
      Object.fromEntries(some.map((name) => [name, readFileSync(join(DICOM, name))]));
    const imageOf = async () => {
      const [key] = await keys();
      return (await store.get(key as SiteKey)).body;
    };
    put('P5', files(names.slice(0, 3)));
    start({ importer: importDicom });
    await isEmpty();
    const half = await imageOf();
    put('P5', files(names.slice(3)));
    await isEmpty();
    const kept = await imageOf();
    put('P5', files(names));

    await isEmpty();

    expect(Buffer.compare(kept, half)).toBe(0);
    expect(reasons('P5')).toContain('imported with other slices. Put all its files into one folder.');
    expect(await keys()).toHaveLength(1);
    expect(Buffer.compare(await imageOf(), half)).not.toBe(0);
    await store.delete((await keys())[0] as SiteKey);
    put('part', files(names.slice(3)));

    await isEmpty();

    // A case that was withdrawn has no slices to lose.
    expect(await keys()).toHaveLength(1);
  }, 60_000);

  test('takes case folders beside held-out for training, and those below it for evaluation', async () => {
    put('ko', { 'k1/image.nii.gz': image(1), 'held-out/k2/image.nii.gz': image(2) });
    put('held-out', { 'k3/image.nii.gz': image(3) });
    start({ examiner: examine });

    await isEmpty();

    const expected = [siteKeys.image('training', 'k1'), ...['k2', 'k3'].map((id) => siteKeys.image('evaluation', id))];
    expect(await keys()).toEqual(expected);
  });

  test('advises what to do about a folder without CT', async () => {
    put('archive', { 'export.zip': 'PK' });
    start();

    await isEmpty();

    expect(reasons('archive')).toMatch(
      /no CT series, but 1 file that is not DICOM\. .*unpack archives \(\.zip\) first/,
    );
  });

  test('leaves an empty folder where it is until it has files', async () => {
    put('study/series', {});
    put('good', { 'g.dcm': 'ct g' });
    start();
    await vi.waitFor(() => expect(readdirSync(join(dir, 'done'))).toEqual(['good']));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(waiting()).toEqual(['study']);
    put('study', { 'a.dcm': 'ct a' });

    await isEmpty();

    expect(readdirSync(join(dir, 'done'))).toEqual(['good', 'study']);
    expect(readdirSync(join(dir, 'refused'))).toEqual([]);
  });

  test('says what was there already, and logs events without names of folders', async () => {
    put('SCHMIDT^ANNA', { 'a.dcm': 'ct a' });
    start();
    await isEmpty();
    put('SCHMIDT^ANNA', { 'a.dcm': 'ct a' });

    await isEmpty();

    expect(said.slice(-2)).toEqual(['1 case imported: c-a', '1 case there already: c-a']);
    expect(logged).toEqual([
      { event: 'inbox-imported', imported: ['c-a'], present: [] },
      { event: 'inbox-imported', imported: [], present: ['c-a'] },
    ]);
  });

  test('says that it created a folder that was not there, for the owner alone', async () => {
    start();

    await vi.waitFor(() => expect(said).toContain(`there was no ${dir}: created`));

    await vi.waitFor(() => expect(existsSync(join(dir, 'refused'))).toBe(true));
    for (const name of ['done', 'refused']) expect(statSync(join(dir, name)).mode & 0o077).toBe(0);
  });

  test('fails before any work if its folder cannot be used', async () => {
    writeFileSync(join(root, 'file'), '');

    const options = { store, say: () => undefined, log: () => undefined, dir: join(root, 'file', 'inbox') };
    await expect(startTestInbox(root, options)()).rejects.toThrow(join(root, 'file'));
  });
});
