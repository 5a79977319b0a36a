import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCaseKey } from '../../lib/federation/keys.ts';
import { runCommand } from '../testing.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/dicom');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-import-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const cases = () => join(root, 'cases');
const take = (kind: string, as = kind) => cpSync(join(FIXTURES, kind), join(root, 'export', as), { recursive: true });
const importAll = (...more: readonly string[]) =>
  runCommand(['site', 'import', join(root, 'export'), '--out', cases(), ...more]);
const resultOf = (stdout: string) =>
  JSON.parse(stdout) as {
    series: { series: string; case: string | null; reason: string | null; hint: string | null }[];
  };
const caseFolders = () => readdirSync(cases()).filter((name) => !name.startsWith('.'));

test('imports usable series, refuses the others with reason and hint, and imports nothing twice', async () => {
  take('several-series');
  take('tilt');

  const first = await importAll('--json');
  const images = caseFolders().map((name) => statSync(join(cases(), name, 'image.nii.gz')).mtimeMs);
  const second = await importAll('--json');

  expect(first.code).toBe(1);
  const { series, ...rest } = resultOf(first.stdout);
  expect(rest).toEqual({ schema: 'fedcardio.dicom-import/1', passedOver: [] });
  expect(series.filter((one) => one.case === null)).toEqual([
    {
      series: expect.stringMatching(/^p[0-9a-f]{12}, series 4/),
      case: null,
      reason: expect.stringMatching(/tilted/),
      hint: expect.stringMatching(/\.$/),
    },
  ]);
  const names = series.flatMap((one) => one.case ?? []);
  expect(names.toSorted()).toEqual(caseFolders().toSorted());
  expect(names.every((name) => parseCaseKey(`cases/${name}/image.nii.gz`)?.part.kind === 'image')).toBe(true);
  // Three series are of one patient.
  expect(new Set(names.map((name) => name.split('-')[0])).size).toBe(2);
  expect(resultOf(second.stdout).series).toEqual(series);
  expect(second.stderr).toContain('there already');
  expect(caseFolders().map((name) => statSync(join(cases(), name, 'image.nii.gz')).mtimeMs)).toEqual(images);
});

test('passes over what is no CT volume, and exits with 0', async () => {
  take('whole-study');

  const { code, stdout, stderr } = await importAll();

  expect(code).toBe(0);
  expect(stdout).toBe(`1 imported to ${cases()}, 0 there already, 0 refused.\n`);
  expect(stderr).toMatch(/series 501: passed over, 1 image\. They are localizers\.$/m);
  expect(stderr).toMatch(/series 503: passed over, 3 images\. They are images of one position/m);
});

test('tells of files that are not DICOM, and does not mind a damaged index', async () => {
  take('explicit');
  writeFileSync(join(root, 'export/study.zip'), 'PK\u0003\u0004 and more');
  writeFileSync(join(root, 'export/notes.txt'), 'none');
  const [slice = ''] = readdirSync(join(root, 'export/explicit'));
  const bytes = readFileSync(join(root, 'export/explicit', slice));
  for (const [at, name] of ['DICOMDIR', 'explicit/dicomdir'].entries()) {
    writeFileSync(join(root, 'export', name), bytes.subarray(0, at === 0 ? 140 : 600));
  }

  const { code, stdout, stderr } = await importAll();

  expect(stderr).toMatch(/^4 files that are not DICOM were passed over, 1 of them a ZIP archive: unpack it\.$/m);
  expect(code).toBe(0);
  expect(stdout).toContain('1 imported');
});

test.each(['export', 'export/cases', 'export/explicit/a/b', 'link/cases'])(
  'refuses to write into the export: %s',
  async (out) => {
    take('explicit');
    symlinkSync(join(root, 'export'), join(root, 'link'));

    const { code, stderr } = await runCommand(['site', 'import', join(root, 'export'), '--out', join(root, out)]);

    expect(code).toBe(1);
    expect(stderr).toMatch(/lies in the export .* Choose a folder outside it with --out/);
    expect(readdirSync(join(root, 'export'))).toEqual(['explicit']);
  },
);

test('exits with 1 if nothing is a CT', async () => {
  cpSync(join(FIXTURES, 'whole-study/mr-0.dcm'), join(root, 'export/1'));
  writeFileSync(join(root, 'export/notes.txt'), 'none');

  const { code, stderr } = await importAll();

  expect(code).toBe(1);
  expect(stderr).toContain('The folder holds no CT series, but 1 other DICOM series and 1 file that is not DICOM.');
});

test('keeps names, ids, dates and institutions in the map alone', async () => {
  const kinds = ['whole-study', 'utf-8', 'japanese', 'tilt', 'cut-off-header', 'several-series', 'incomplete-phase'];

  const printed: string[] = [];
  for (const kind of kinds) {
    take(kind, `Secretfolder ${kind}`);
    const { stdout, stderr } = await importAll('--json');
    printed.push(stdout, stderr);
    rmSync(join(root, 'export'), { recursive: true });
  }

  const secret = /secret|erika|4711|1948|20260307|yamada|患者|\.1338\./i;
  expect(printed.join('')).not.toMatch(secret);
  expect(caseFolders().length).toBeGreaterThan(5);
  for (const name of caseFolders()) {
    expect(name).toMatch(/^p[0-9a-f]{12}-[0-9a-f]{8}$/);
    expect(readdirSync(join(cases(), name))).toEqual(['image.nii.gz']);
    const nifti = gunzipSync(readFileSync(join(cases(), name, 'image.nii.gz')));
    expect(nifti.toString('latin1')).not.toMatch(secret);
    // descrip, aux_file, intent_name, db_name, and the bytes of extensions.
    const texts = [
      nifti.subarray(14, 32),
      nifti.subarray(148, 252),
      nifti.subarray(328, 344),
      nifti.subarray(348, 352),
    ];
    expect(Buffer.concat(texts).every((byte) => byte === 0)).toBe(true);
  }
  const kept = join(cases(), '.fedcardio');
  expect(readFileSync(join(kept, 'map.jsonl'), 'utf8')).toContain('"patientId":"SECRETID-4711"');
  for (const file of ['secret', 'map.jsonl']) expect(statSync(join(kept, file)).mode & 0o077).toBe(0);
}, 120_000);

test('has other pseudonyms with another secret, and the same ones for another folder with the same secret', async () => {
  take('explicit');
  const secret = (name: string) => ['--secret-dir', join(root, name), '--json'];
  const caseOf = async (out: string, name: string) =>
    resultOf(
      (await runCommand(['site', 'import', join(root, 'export'), '--out', join(root, out), ...secret(name)])).stdout,
    ).series[0]?.case;

  const [first, other, same] = [await caseOf('a', 's1'), await caseOf('b', 's2'), await caseOf('c', 's1')];

  expect(other).not.toBe(first);
  expect(same).toBe(first);
});

test('takes the phase that is asked for, and replaces an image without labels only', async () => {
  take('three-phases');

  const diastole = await importAll();
  const systole = await importAll('--phase', '40');
  const [name = ''] = caseFolders();
  cpSync(join(FIXTURES, 'expected.json'), join(cases(), name, 'labels/hinge-points.mrk.json'));
  const labelled = await importAll('--phase', '90');
  const none = await importAll('--phase', '10', '--json');

  expect(diastole.stderr).toContain('heart phase 78 %');
  expect(systole.stderr).toMatch(new RegExp(`imported as ${name}, 6 slices, heart phase 40 %`));
  expect(labelled).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/It has changed since it was imported.*phase 40 % then and 90 % now/),
  });
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/not of the heart phase asked for, but of 40, 78, 90 %/),
  });
});

test('keeps a CT when other slices of its series come in another folder, and replaces it when the series has grown', async () => {
  const files = readdirSync(join(FIXTURES, 'explicit'));
  const move = (names: readonly string[]) => {
    rmSync(join(root, 'export'), { recursive: true, force: true });
    for (const name of names) cpSync(join(FIXTURES, 'explicit', name), join(root, 'export', name));
  };
  const image = () => readFileSync(join(cases(), caseFolders()[0] as string, 'image.nii.gz'));
  move(files.slice(0, 3));
  await importAll();
  const half = image();

  move(files.slice(3));
  const others = await importAll();
  const kept = image();
  move(files);
  const whole = await importAll();
  const grown = image();
  move(files.slice(0, 4));
  const less = await importAll();
  rmSync(join(root, 'export'), { recursive: true });
  // The same slices with other ids.
  take('implicit');
  const again = await importAll();

  const refusal = /imported with other slices\. Put all its files into one folder\./;
  expect(others).toMatchObject({ code: 1, stdout: expect.stringMatching(refusal) });
  expect(kept.equals(half)).toBe(true);
  expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining('1 imported') });
  expect(grown.equals(half)).toBe(false);
  expect(less).toMatchObject({ code: 1, stdout: expect.stringMatching(refusal) });
  expect(image().equals(grown)).toBe(true);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('0 refused') });
});

test('leaves a case where somebody has sorted it', async () => {
  take('explicit');
  await importAll();
  const [name = ''] = caseFolders();
  cpSync(join(cases(), name), join(cases(), 'held-out', name), { recursive: true });
  rmSync(join(cases(), name), { recursive: true });

  const { stdout } = await importAll();

  expect(stdout).toContain('0 imported');
  expect(caseFolders()).toEqual(['held-out']);
});

test('says what to do about a damaged secret', async () => {
  take('explicit');
  await importAll();
  writeFileSync(join(cases(), '.fedcardio/secret'), 'short');

  const { code, stderr } = await importAll();

  expect(code).toBe(1);
  expect(stderr).toMatch(/The secret of the pseudonyms is damaged: .*Restore it from a backup/);
});
