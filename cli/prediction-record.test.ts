import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TASKS } from '../lib/federation/tasks.ts';
import { fileHash, noteFile, recordFile, requireFree } from './prediction-record.ts';

let out: string;
let ct: string;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'fedcardio-record-'));
  ct = join(out, 'p1.nii.gz');
  writeFileSync(ct, 'a CT');
});
afterEach(() => rmSync(out, { recursive: true }));

const check = (overwrite = false, model = 'm1', overlap = 0.5) =>
  requireFree({
    names: new Map([[ct, 'p1']]),
    out,
    model,
    tasks: [TASKS.calcification, TASKS['hinge-points']],
    overwrite,
    overlap,
  });
const predicted = async (model = 'm1') => {
  writeFileSync(join(out, 'p1-calcification.nii.gz'), 'a class map');
  writeFileSync(join(out, recordFile('p1')), JSON.stringify({ model, image: { sha256: await fileHash(ct) } }));
};
const refusal = (text: RegExp) =>
  expect.objectContaining({
    code: 'BAD_CONFIGURATION',
    message: expect.stringMatching(text),
    hint: expect.stringMatching(/^Nothing was written\./),
  });

test('a new folder, and predictions of the same CT by the same model, may be written', async () => {
  await check();
  await predicted();
  await check();
});

test.each<[string, () => void | Promise<void>]>([
  ['of another CT of the same name', () => writeFileSync(ct, 'another CT')],
  ['without a record', () => rmSync(join(out, recordFile('p1')))],
  ['with a damaged record', () => writeFileSync(join(out, recordFile('p1')), '{')],
  ['by another model', () => predicted('m0')],
])('predictions %s are replaced only with --overwrite', async (_, change) => {
  await predicted();
  await change();

  await expect(check()).rejects.toEqual(
    refusal(/^Predictions of another CT, model or overlap would be replaced: .*p1-/),
  );
  await check(true);
});

test('unfinished predictions, which a full disk or a kill leaves, are written again by the same call alone', async () => {
  writeFileSync(join(out, 'p1-calcification.nii.gz'), 'a class map');
  const note = { model: 'm1', overlap: 0.5, image: { sha256: await fileHash(ct) } };
  writeFileSync(join(out, noteFile('p1')), JSON.stringify(note));

  await check();
  await expect(check(false, 'm2')).rejects.toEqual(refusal(/another CT, model or overlap would be replaced/));
  await expect(check(false, 'm1', 0.75)).rejects.toEqual(refusal(/another CT, model or overlap would be replaced/));
  // The record of finished ones counts more.
  await predicted('m0');
  await expect(check()).rejects.toEqual(refusal(/another CT, model or overlap would be replaced/));
});

test('predictions with another overlap are replaced only with --overwrite', async () => {
  await predicted();
  await expect(check(false, 'm1', 0.75)).rejects.toEqual(refusal(/overlap would be replaced/));
  const record = { model: 'm1', overlap: 0.75, image: { sha256: await fileHash(ct) } };
  writeFileSync(join(out, recordFile('p1')), JSON.stringify(record));

  await check(false, 'm1', 0.75);
  await expect(check()).rejects.toEqual(refusal(/overlap would be replaced/));
});

test.each(['p1-hinge-points.mrk.json', 'p1-hinge-points.nii.gz', 'p1-prediction.json'])(
  '%s alone is not replaced either',
  async (file) => {
    writeFileSync(join(out, file), 'not ours');

    await expect(check()).rejects.toEqual(refusal(new RegExp(file)));
  },
);

test('two CTs whose names and tasks make one file are refused, even with --overwrite', async () => {
  const tasks = [TASKS['hinge-points'], { ...TASKS.calcification, id: 'points' }];
  const names = new Map([
    [ct, 'p1'],
    [`${ct}.nii`, 'P1-hinge'],
  ]);
  const plan = { names, out, model: 'm1', tasks, overwrite: true, overlap: 0.5 };

  await expect(requireFree(plan)).rejects.toEqual(
    refusal(/^The predictions of .*p1\.nii\.gz and .*\.nii would have the same file, .*hinge-points\.nii\.gz\.$/i),
  );
});

test('a CT is never replaced, not even with --overwrite', async () => {
  const label = join(out, 'p1-calcification.nii.gz');
  writeFileSync(label, 'a CT with an unlucky name');
  const names = new Map([
    [ct, 'p1'],
    [label, 'p1-calcification'],
  ]);

  await expect(
    requireFree({ names, out, model: 'm1', tasks: [TASKS.calcification], overwrite: true, overlap: 0.5 }),
  ).rejects.toEqual(refusal(/would replace the CT/));
  expect(existsSync(label)).toBe(true);
});
