import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readNifti } from '../imaging/nifti-read.ts';
import { importDicom } from './import.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/dicom');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-import-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const source = () => join(root, 'export');
const out = () => join(root, 'cases');
const map = () => join(out(), '.fedcardio/map.jsonl');
const caseFolder = () => join(out(), readdirSync(out()).find((name) => !name.startsWith('.')) ?? '');
const image = () => join(caseFolder(), 'image.nii.gz');
const label = () => writeFileSync(join(caseFolder(), 'drawn.nii.gz'), 'label');
function take(kind: string, files = readdirSync(join(FIXTURES, kind))): void {
  rmSync(source(), { recursive: true, force: true });
  for (const name of files) cpSync(join(FIXTURES, kind, name), join(source(), name));
}
async function run() {
  const { series } = await importDicom(source(), out());
  return series.map((one) => [one.isNew, one.reason]);
}
/** Replaces a text in the header of every file by one of the same length. */
function correct(from: string, to: string): void {
  for (const name of readdirSync(source())) {
    const text = readFileSync(join(source(), name), 'latin1');
    expect(text).toContain(from);
    writeFileSync(join(source(), name), text.replace(from, to), 'latin1');
  }
}

const NEW = [[true, null]];
const THERE = [[false, null]];

test('imports a series again whose numbers mean something else, unless its case has labels', async () => {
  take('explicit');
  await run();
  const before = readNifti(readFileSync(image())).data;
  correct('-1024.0', '-1000.0');

  const corrected = await run();
  const after = readNifti(readFileSync(image())).data;
  const again = await run();
  label();
  correct('-1000.0', '-1024.0');
  const labelled = await run();

  expect(corrected).toEqual(NEW);
  expect(Array.from(after)).toEqual(Array.from(before, (value) => value + 24));
  expect(again).toEqual(THERE);
  expect(labelled).toEqual([[false, expect.stringContaining('It has changed since it was imported')]]);
}, 240_000);

test('knows the same voxels in other files, and those of a map that was lost', async () => {
  take('explicit');
  await run();
  label();
  const written = statSync(image()).mtimeMs;
  const lines = readFileSync(map(), 'utf8');
  take('implicit');

  const otherFiles = await run();
  rmSync(map());
  take('explicit');
  const lostMap = await run();

  expect([otherFiles, lostMap]).toEqual([THERE, THERE]);
  expect(statSync(image()).mtimeMs).toBe(written);
  expect(readFileSync(map(), 'utf8')).toBe(lines);
}, 240_000);

test('replaces no image that the map does not know', async () => {
  take('explicit');
  await run();
  const before = readFileSync(image());
  rmSync(map());
  take('explicit', ['000.dcm', '001.dcm', '002.dcm']);

  const part = await run();

  expect(part).toEqual([[false, expect.stringContaining('map')]]);
  expect(readFileSync(image()).equals(before)).toBe(true);
}, 240_000);

test('imports again after an import that ended while it replaced an image', async () => {
  take('explicit', ['000.dcm', '001.dcm', '002.dcm']);
  await run();
  take('explicit');
  // A disk that is full, for example.
  const obstacle = join(caseFolder(), `.image.nii.gz.${process.pid}`);
  mkdirSync(obstacle);
  await expect(run()).rejects.toThrow();
  rmSync(obstacle, { recursive: true });

  const again = await run();

  expect(again).toEqual(NEW);
  expect(readNifti(readFileSync(image())).shape[2]).toBe(6);
}, 240_000);
