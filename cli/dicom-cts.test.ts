import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { readyCts } from './dicom-cts.ts';

const FIXTURES = join(import.meta.dirname, '../test/fixtures/dicom');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-cts-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const ready = (cts: readonly string[], dicom: readonly string[] = [], phase?: number) =>
  readyCts({ cts, dicom, phase, out: join(root, 'out'), overwrite: false });
const folder = (kind: string) => join(FIXTURES, kind);

test('writes every CT series of DICOM folders beside the predictions, and tells what cannot be used', async () => {
  const result = await ready(['a.nii.gz', folder('explicit')], [folder('several-series'), folder('tilt')]);

  expect(result).toEqual({
    cts: [
      'a.nii.gz',
      join(root, 'out/explicit.nii.gz'),
      ...[1, 2, 3, 4].map((number) => join(root, `out/several-series-series-${number}.nii.gz`)),
    ],
    failed: [{ ct: folder('tilt'), reason: expect.stringMatching(/^It was scanned with a gantry tilted/) }],
  });
  expect(readNifti(readFileSync(join(root, 'out/explicit.nii.gz'))).shape).toEqual([20, 16, 6]);
}, 60_000);

test('replaces no other CT', async () => {
  cpSync(folder('three-phases'), join(root, 'ct'), { recursive: true });
  await ready([join(root, 'ct')]);
  await ready([join(root, 'ct')]);

  await expect(ready([join(root, 'ct')], [], 40)).rejects.toThrow('Another CT would be replaced');
  expect(readdirSync(join(root, 'out'))).toEqual(['ct.nii.gz']);
}, 60_000);

test('says so if a folder holds no CT', async () => {
  cpSync(folder('whole-study/mr-0.dcm'), join(root, 'mr/1'));
  writeFileSync(join(root, 'mr/2'), '');

  expect((await ready([join(root, 'mr')])).failed).toEqual([
    { ct: join(root, 'mr'), reason: expect.stringMatching(/^It holds no CT series\./) },
  ]);
});
