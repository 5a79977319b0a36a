import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PredictRequest, runPrediction } from './predict-run.ts';

const DICOM = join(import.meta.dirname, '../test/fixtures/dicom/explicit');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-predict-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const predict = (request: Pick<PredictRequest, 'model'>) =>
  runPrediction(
    {
      ...{ federation: 'fedcardio', cts: [], dicom: [DICOM], stage: [], overwrite: false, overlap: 0.5 },
      ...{ out: join(root, 'out'), ...request },
    },
    { onReady: () => undefined, onCt: () => undefined, onWindow: () => undefined, onCtEnd: () => undefined },
  );

test.each(['missing', 'wrong'])('with a %s model, no DICOM series is converted', async (kind) => {
  writeFileSync(join(root, 'wrong.safetensors'), 'no model');

  await expect(predict({ model: [join(root, `${kind}.safetensors`)] })).rejects.toThrow(`${kind}.safetensors`);

  expect(readdirSync(root)).toEqual(['wrong.safetensors']);
});
