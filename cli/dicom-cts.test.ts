import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const ready = (cts: readonly string[], dicom: readonly string[] = [], phase?: number, overwrite = false) =>
  readyCts({ cts, dicom, phase, out: join(root, 'out'), overwrite });
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

test.each([false, true])(
  'folders of one name have different files, with --overwrite: %s',
  async (overwrite) => {
    const [first, second] = ['patient1/DICOM', 'patient2/DICOM'].map((name) => join(root, name)) as [string, string];
    cpSync(folder('explicit'), first, { recursive: true });
    cpSync(folder('signed-12-bits'), second, { recursive: true });

    const { cts } = await ready([first], [second, `${first}/.`], undefined, overwrite);

    expect(cts).toEqual(['patient1-DICOM', 'patient2-DICOM'].map((name) => join(root, `out/${name}.nii.gz`)));
    expect(readFileSync(cts[0] as string).equals(readFileSync(cts[1] as string))).toBe(false);
  },
  60_000,
);

test('two CTs of one call never have one file, not even with --overwrite', async () => {
  cpSync(folder('several-series'), join(root, 'ct'), { recursive: true });
  cpSync(folder('explicit'), join(root, 'ct-series-2'), { recursive: true });
  const both = ready([], [join(root, 'ct'), join(root, 'ct-series-2')], undefined, true);

  await expect(both).rejects.toThrow(/ct-series-2 and .*ct \(.*\) would have the same file/);

  writeFileSync(join(root, 'out/ct-series-2.nii.gz'), 'a CT that is given');
  const given = ready([join(root, 'out/ct-series-2.nii.gz')], [join(root, 'ct-series-2')], undefined, true);
  await expect(given).rejects.toThrow('would have the same file');
}, 60_000);

test('a full disk or a kill leaves no half of a CT, which would stop the next call', async () => {
  cpSync(folder('explicit'), join(root, 'ct'), { recursive: true });
  // What a kill leaves.
  mkdirSync(join(root, 'out'));
  writeFileSync(join(root, 'out/ct.nii.gz.new'), 'half');

  await ready([join(root, 'ct')]);

  expect(readdirSync(join(root, 'out'))).toEqual(['ct.nii.gz']);
}, 60_000);

test('a heart phase is refused without DICOM to take it from', async () => {
  await expect(ready(['a.nii.gz'], [], 40)).rejects.toThrow('--phase');
});

test('says so if a folder holds no CT', async () => {
  cpSync(folder('whole-study/mr-0.dcm'), join(root, 'mr/1'));
  writeFileSync(join(root, 'mr/2'), '');

  expect((await ready([join(root, 'mr')])).failed).toEqual([
    { ct: join(root, 'mr'), reason: expect.stringMatching(/^It holds no CT series\./) },
  ]);
});
