import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { orientationOf } from '../../lib/imaging/orientation.ts';
import { reorient } from '../../lib/imaging/reorient.ts';
import { isImage, labelledTasks } from './dataset.ts';
import { readDicomCases } from './dicom-cases.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/dicom');

let root: string;
let said: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-dicom-cases-'));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

const take = (kind: string, to: string) => cpSync(join(FIXTURES, kind), join(root, 'site', to), { recursive: true });
function write(name: string): void {
  mkdirSync(dirname(join(root, 'site', name)), { recursive: true });
  writeFileSync(join(root, 'site', name), '');
}
const read = () =>
  readDicomCases(join(root, 'site'), {
    cache: join(root, 'cache'),
    signal: new AbortController().signal,
    say: (line) => said.push(line),
  });

test('cases may hold a DICOM series beside their labels, and one that cannot be used stops no other', async () => {
  take('explicit', 'cases/p1/dicom');
  write('cases/p1/labels/calcification.nii.gz');
  take('big-endian', 'cases/p2');
  take('tilt', 'cases/p3/dicom');
  write('cases/p3/labels/hinge-points.mrk.json');
  take('two-kernels', 'held-out/p4/dicom');
  write('held-out/p5/image.nii.gz');

  const dataset = await read();

  expect(dataset?.cases.map((one) => [one.use, one.id, one.files.some(isImage), labelledTasks(one).join()])).toEqual([
    ['training', 'p1', true, 'calcification'],
    ['training', 'p2', true, ''],
    ['training', 'p3', false, 'hinge-points'],
    ['evaluation', 'p4', false, ''],
    ['evaluation', 'p5', true, ''],
  ]);
  const image = dataset?.cases[0]?.files.find(isImage);
  expect(readNifti(readFileSync(image?.path ?? '')).shape).toEqual([20, 16, 6]);
  expect(said).toEqual([
    expect.stringMatching(/^p3: It was scanned with a gantry tilted by 12\.0°/),
    expect.stringMatching(/^p4: It holds 2 CT series; a case has one\./),
  ]);
});

test('says what lies beside the series of a case and cannot be used', async () => {
  take('explicit', 'p1/dicom/a');
  take('tilt', 'p1/dicom/b');

  expect((await read())?.cases[0]?.files.some(isImage)).toBe(true);

  expect(said).toEqual([expect.stringMatching(/^p1: .+ is left out: It was scanned with a gantry tilted by 12\.0°/)]);
});

test('converts a case again only if its series has changed', async () => {
  take('explicit', 'p1/dicom');
  const changedAt = async () => statSync((await read())?.cases[0]?.files.find(isImage)?.path ?? '').mtimeMs;

  const [first, second] = [await changedAt(), await changedAt()];
  const slice = join(root, 'site/p1/dicom/000.dcm');
  writeFileSync(slice, readFileSync(slice, 'latin1').replace('-1024.0', '-1000.0'), 'latin1');
  const third = await changedAt();

  expect(second).toBe(first);
  expect(third).toBeGreaterThan(first);
});

test('an export of a PACS becomes cases without labels', async () => {
  take('pacs-export', 'PATIENT7');

  const dataset = await read();

  expect(dataset?.cases.map(({ id, files }) => [id, files.map(({ name }) => name)])).toEqual([
    [expect.stringMatching(/^p[0-9a-f]{12}-[0-9a-f]{8}$/), ['image.nii.gz']],
  ]);
  expect(said).toEqual([expect.stringMatching(/^p[0-9a-f]{12}, series 4: p/)]);
});

test('writes a CT in the order of axes of its class map', async () => {
  take('explicit', 'p1/dicom');
  const ct = async () => readNifti(readFileSync((await read())?.cases[0]?.files.find(isImage)?.path ?? ''));
  const before = await ct();
  const label = { shape: before.shape, affine: before.affine, data: new Uint8Array(before.data.length) };
  write('p1/labels/calcification.nii.gz');
  writeFileSync(join(root, 'site/p1/labels/calcification.nii.gz'), writeNifti(reorient(label, 'LPS')));

  const after = await ct();

  expect(orientationOf(before.affine)).toBe('LAS');
  expect(orientationOf(after.affine)).toBe('LPS');
  expect(reorient(after, 'LAS').data).toEqual(before.data);
});

test('leaves out converted CTs of an earlier export', async () => {
  take('explicit', 'disc');
  const first = await read();
  rmSync(join(root, 'site/disc'), { recursive: true });
  take('several-series', 'disc');

  const second = await read();

  expect([first, second].map((dataset) => dataset?.cases.length)).toEqual([1, 4]);
});

test.each([['p1/image.nii.gz'], ['dataset.json'], ['notes.txt']])(
  'leaves a folder with %s to the other layouts',
  async (name) => {
    write(name);

    expect(await read()).toBeUndefined();
  },
);
