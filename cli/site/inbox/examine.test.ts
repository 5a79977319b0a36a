import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_TASKS } from '../../../lib/federation/tasks.ts';
import { calcium, image } from '../../../lib/intake/testing.ts';
import { listCaseFolders } from '../../datasets/case-folders.ts';
import { examine } from './examine.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fedcardio-examine-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(name: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), bytes);
}

test('stores the CT and the labels of known tasks alone, however many files share one fault', async () => {
  put('p1/image.nii.gz', image(1));
  put('p1/labels/calcification.nii.gz', calcium());
  for (const name of ['000.dcm', '001.dcm', '002.dcm']) put(`p1/dicom/${name}`, 'patient');
  for (const name of ['a.pdf', 'b.pdf']) put(`p1/${name}`, 'letter');
  for (const name of ['a.nrrd', 'b.nrrd']) put(`p1/labels/${name}`, 'mask');
  put('p1/labels/unknown.nii.gz', calcium());
  put('held-out/p2/image.nii.gz', image(2));
  // One fault stands for the label of both sides.
  for (const side of ['cases', 'held-out']) put(`${side}/p2/labels/unknown.nii.gz`, calcium());

  const { accepted, reasons } = await examine(
    dir,
    { ...listCaseFolders(dir), refused: [] },
    {
      tasks: async () => DEFAULT_TASKS,
      signal: new AbortController().signal,
    },
  );

  expect(accepted.map(({ id, files }) => [id, files.map(({ name }) => name)])).toEqual([
    ['p1', ['image.nii.gz', 'labels/calcification.nii.gz']],
    ['p2', ['image.nii.gz']],
  ]);
  expect(reasons.length).toBeGreaterThan(3);
});
