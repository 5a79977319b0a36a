import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../lib/json.ts';
import { isOtherProcess } from '../../../local/emulator/lock.ts';
import { type Prediction, predictionSchema } from '../../../page/api/predict/prediction.ts';
import { writeWhole } from '../../write-whole.ts';

/** A prediction that this process did not begin. */
export interface SavedPrediction {
  readonly prediction: Prediction;
  /** Whether another process still works on it. Its `error` says so. */
  readonly isOthers: boolean;
}

const STATE = 'prediction.json';
/** With the process that predicts, so that a second page in the same folder leaves it alone. What was saved before has none. */
const stateSchema = predictionSchema.extend({ pid: z.int().default(0) });

/** @param path folder of the prediction */
export const savePrediction = (path: string, prediction: Prediction): void =>
  writeWhole(join(path, STATE), JSON.stringify({ ...prediction, pid: process.pid }), { mode: 0o600 });

/** All that is saved, in no order. */
export const savedPredictions = (root: string): readonly SavedPrediction[] =>
  existsSync(root) ? readdirSync(root).flatMap((id) => savedPrediction(root, id) ?? []) : [];

/** What is saved of a prediction; undefined for a folder that no longer says what it is. One that was stopped has failed. */
export function savedPrediction(root: string, id: string): SavedPrediction | undefined {
  const path = join(root, id);
  const state = stateIn(path);
  if (state?.prediction !== id) return undefined;
  const { pid, ...saved } = state;
  if (!isOpen(saved)) return { prediction: saved, isOthers: false };
  return isOtherProcess(pid)
    ? { prediction: { ...saved, error: othersError(pid, path) }, isOthers: true }
    : { prediction: { ...saved, phase: 'failed', error: STOPPED }, isOthers: false };
}

function stateIn(path: string) {
  try {
    return parseJson(readFileSync(join(path, STATE)), stateSchema, path);
  } catch {
    return undefined;
  }
}

/** Whether a prediction has not ended. */
export const isOpen = ({ phase }: Prediction): boolean =>
  phase === 'receiving' || phase === 'waiting' || phase === 'running';

const STOPPED = { message: 'The page was stopped before the prediction was done.', hint: 'Predict the CT again.' };

const othersError = (pid: number, path: string) => ({
  message: 'Another process works on this prediction.',
  hint: `Change it on the page of process ${pid}. If that is not fedcardio, delete ${path}.`,
});
