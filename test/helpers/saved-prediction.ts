import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFolder } from '../../cli/page/predict/folder.ts';
import type { Prediction } from '../../page/api/predict/prediction.ts';
import type { PredictionResult } from '../../page/api/predict/result.ts';

/** Where the page of a hospital keeps its predictions, below its folder for what it makes. */
const rootOf = (work: string, federation: string, site: string): string =>
  join(work, federation, `site-${site}`, 'predictions');

/** A prediction that an earlier run of a hospital's page has left, with its files; or one that the page of process `pid` works on. */
export function savePrediction(
  work: string,
  of: { readonly federation: string; readonly site: string; readonly id: string },
  result: Omit<PredictionResult, 'files'>,
  files: Readonly<Record<string, Uint8Array>>,
  other: { readonly phase?: Prediction['phase']; readonly pid?: number } = {},
): void {
  const root = rootOf(work, of.federation, of.site);
  const folder = openFolder(root, of.id);
  for (const [name, body] of Object.entries(files)) writeFileSync(join(folder.files, name), body);
  writeFileSync(folder.result, JSON.stringify(result));
  const prediction: Prediction = {
    prediction: of.id,
    ct: 'patient.nii.gz',
    source: 'nifti',
    model: 'student.safetensors',
    at: '2026-03-02T09:00:00.000Z',
    phase: 'done',
  };
  writeFileSync(join(root, of.id, 'prediction.json'), JSON.stringify({ ...prediction, ...other }));
}
