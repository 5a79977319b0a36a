import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TASKS } from '../lib/federation/tasks.ts';
import { CT_INTENSITY } from '../lib/imaging/intensity.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { sha256Hex } from '../lib/json.ts';
import { ensembleHash, ensembleOf } from '../lib/models/ensemble.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import type { TrainedModel } from '../lib/models/package.ts';
import { ballCase } from '../lib/training/testing-cases.ts';
import { openPredictor } from './predict-ct.ts';
import { requireFree } from './prediction-record.ts';

const MODEL = { kind: 'unet', features: [2, 4], deepSupervision: true } as const;
const TASK = TASKS.calcification;

/** A network that was never trained. */
const untrained = (seed: number, change: Partial<TrainedModel> = {}): TrainedModel => ({
  model: { ...MODEL, features: [...MODEL.features] },
  tasks: [TASK],
  patch: 8,
  spacing: 6,
  heartCrop: null,
  intensity: CT_INTENSITY,
  weights: initialWeights({ ...MODEL, features: [...MODEL.features] }, [TASK], seed),
  sha256: sha256Hex(`model ${seed}`),
  origin: { campaign: 'tavi', stage: `student-${seed}`, round: 1, commit: sha256Hex(`commit ${seed}`) },
  ...change,
});

let out: string;
let ct: string;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'fedcardio-predict-'));
  ct = join(out, 'p1.nii.gz');
  const { image } = ballCase('p1', 16, 6, []);
  writeFileSync(ct, writeNifti({ ...image, data: Int16Array.from(image.data, (value) => value * 220 + 125) }));
});
afterEach(() => rmSync(out, { recursive: true }));

async function predicted(models: readonly [TrainedModel, ...TrainedModel[]], overlap = 0.5) {
  const [first, ...others] = models.map((model) => ({ name: model.origin.stage, model }));
  const predictor = await openPredictor(ensembleOf([first!, ...others]), { out, overlap });
  let windows = 0;
  const { findings } = await predictor.predict(ct, 'p1', (_, total) => {
    windows = total;
  });
  predictor.close();
  const record = JSON.parse(readFileSync(join(out, 'p1-prediction.json'), 'utf8'));
  return { findings, record, windows, page: readFileSync(join(out, 'p1-prediction.html'), 'utf8') };
}

test('one model is on record as before, and with its overlap', async () => {
  const model = untrained(1);

  const { record, windows } = await predicted([model], 0.25);

  const { sha256, origin } = model;
  expect(record).toMatchObject({ model: sha256, training: origin, models: [{ sha256, ...origin }], overlap: 0.25 });
  expect(windows).toBe(27);
});

test('what a full disk interrupts can be repeated, and leaves neither a note nor half a file', async () => {
  const model = untrained(1);
  // A folder in the place of a file, which is the last but one to be written.
  mkdirSync(join(out, 'p1-prediction.html'));
  const tasks = [TASK];
  const plan = { names: new Map([[ct, 'p1']]), out, model: model.sha256, tasks, overwrite: false, overlap: 0.5 };

  await expect(predicted([model])).rejects.toThrow();

  expect(readdirSync(out).sort()).toEqual([
    'p1-calcification.nii.gz',
    'p1-prediction.html',
    'p1-prediction.unfinished.json',
    'p1.nii.gz',
  ]);
  rmSync(join(out, 'p1-prediction.html'), { recursive: true });
  await requireFree(plan);
  await predicted([model]);
  await requireFree(plan);
  expect(readdirSync(out).sort()).toEqual([
    'p1-calcification.nii.gz',
    'p1-prediction.html',
    'p1-prediction.json',
    'p1.nii.gz',
  ]);
});

test('an ensemble on different voxels names all of its models and their hashes, in record and page', async () => {
  const [a, b] = [untrained(1), untrained(2, { spacing: 8, patch: 12, trainedOnPhantoms: true })];

  const { findings, record, page } = await predicted([a, b]);

  const model = ensembleHash([a, b]);
  expect(findings).toMatchObject([{ task: TASK.id }]);
  expect(record).toMatchObject({
    model,
    models: [
      { sha256: a.sha256, stage: 'student-1' },
      { sha256: b.sha256, stage: 'student-2', trainedOnPhantoms: true },
    ],
  });
  expect(record.training).toBeUndefined();
  for (const text of [model, a.sha256, b.sha256, 'student-1', 'student-2']) expect(page).toContain(text);
  expect(readNifti(readFileSync(join(out, `p1-${TASK.id}.nii.gz`))).shape).toEqual([16, 16, 16]);
});

test("a model's own intensity is used", async () => {
  const wide = { low: -1000, high: 1000, mean: 0, deviation: 100 };
  // Found everywhere: what is compared is the probability.
  const seen = (intensity: TrainedModel['intensity']) => {
    const weights = new Map(untrained(1).weights);
    for (const [name, tensor] of weights) {
      if (/head.*bias/i.test(name)) weights.set(name, { ...tensor, data: Float32Array.from(tensor.data, (_, i) => i) });
    }
    return predicted([untrained(1, { weights, intensity })]);
  };

  const [own, other] = [(await seen(CT_INTENSITY)).findings, (await seen(wide)).findings];

  expect(own[0]?.confidence).toBeGreaterThan(0.5);
  expect(other[0]?.confidence).not.toBe(own[0]?.confidence);
});

test('the same model twice, and models of other tasks, are refused', () => {
  const named = (name: string, model: TrainedModel) => ({ name, model });

  expect(() => ensembleOf([named('a', untrained(1)), named('b', untrained(1))])).toThrow('a and b are the same model');
  expect(() =>
    ensembleOf([named('a', untrained(1)), named('b', untrained(2, { tasks: [TASKS['hinge-points']] }))]),
  ).toThrow(/a and b have not learnt the same tasks/);
});
