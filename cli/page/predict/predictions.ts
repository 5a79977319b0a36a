import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { describeError, FedcardioError, isFedcardioError } from '../../../lib/error.ts';
import type { Prediction } from '../../../page/api/predict/prediction.ts';
import type { PredictionResult } from '../../../page/api/predict/result.ts';
import type { AddedPrediction } from '../../../page/api/predict/schemas.ts';
import { freeBytes } from '../../disk.ts';
import { createLive, type Live } from '../hospital/live.ts';
import { openFolder, type PredictionFolder, readResult, safeName } from './folder.ts';
import type { PredictOrder } from './order.ts';
import type { runPredictProcess } from './run-process.ts';
import { isOpen, type SavedPrediction, savedPrediction, savedPredictions } from './saved.ts';

export interface PredictionsOptions {
  /** Folder of all predictions of this page. */
  readonly root: string;
  /** Where campaigns are. */
  readonly place: { readonly endpoint: string | undefined; readonly federation: string };
  readonly now: () => Date;
  readonly run: typeof runPredictProcess;
  /** Told what no person caused. */
  readonly onFailure: (error: unknown) => void;
}

/** The predictions of a page: one at a time runs, the others wait in the order of their start. */
export interface Predictions {
  /** The newest first. */
  readonly live: Live<readonly Prediction[]>;
  /** @throws FedcardioError STORAGE_FULL, or BAD_CONFIGURATION for a file that is no NIfTI */
  add(added: AddedPrediction): string;
  give(id: string, part: string, file: string, body: AsyncIterable<Uint8Array>): Promise<void>;
  start(id: string): void;
  cancel(id: string): void;
  remove(id: string): Promise<void>;
  /** @throws FedcardioError NOT_FOUND */
  get(id: string): { readonly prediction: Prediction; readonly result: PredictionResult | undefined };
  /** Path of a file of a result. */
  file(id: string, name: string): { readonly path: string; readonly bytes: number };
}

interface Job {
  prediction: Prediction;
  /** Whether another process works on it. */
  readonly isOthers: boolean;
  readonly folder: PredictionFolder;
  readonly added?: AddedPrediction;
  /** Bytes that may still arrive. */
  left: number;
  readonly controller: AbortController;
  ended: Promise<void>;
}

/** Most predictions that are kept. */
const MOST = 100;
/** Left free on the disk, bytes. */
const RESERVE = 1e9;
const OVERLAP = 0.5;

export function createPredictions({ root, place, now, run, onFailure }: PredictionsOptions): Predictions {
  const jobs = new Map<string, Job>();
  let queue: Job[] = [];
  let running: Job | undefined;
  const ended = Promise.resolve();

  for (const saved of savedPredictions(root).toSorted((a, b) => a.prediction.at.localeCompare(b.prediction.at))) {
    jobs.set(saved.prediction.prediction, jobFrom(saved));
  }
  const all = () => [...jobs.values()].map(({ prediction }) => prediction).reverse();
  const live = createLive<readonly Prediction[]>(all());

  function jobFrom({ prediction, isOthers }: SavedPrediction): Job {
    const folder = openFolder(root, prediction.prediction);
    if (!isOthers) attempt(folder.tidy);
    return { prediction, isOthers, folder, left: 0, controller: new AbortController(), ended };
  }

  /** Takes over what has become of the predictions of other processes. */
  function readOthers(): void {
    let isChanged = false;
    for (const [id, { isOthers, prediction }] of jobs) {
      const saved = isOthers ? savedPrediction(root, id) : undefined;
      if (!isOthers || saved?.prediction.phase === prediction.phase) continue;
      if (saved) jobs.set(id, jobFrom(saved));
      else jobs.delete(id);
      isChanged = true;
    }
    if (isChanged) live.set(all());
  }

  function change(job: Job, next: Partial<Prediction>, isKept = true): void {
    job.prediction = { ...without(job.prediction), ...next };
    live.set(all());
    if (isKept) attempt(() => job.folder.save(job.prediction));
  }

  /** A folder that cannot be changed, such as on a full disk, must not end the page or stop the queue. */
  function attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      onFailure(error);
    }
  }

  function jobOf(id: string, phases?: readonly Prediction['phase'][]): Job {
    const job = jobs.get(id);
    if (!job) throw new FedcardioError('NOT_FOUND', 'There is no such prediction on this machine.');
    if (phases && !phases.includes(job.prediction.phase)) {
      throw new FedcardioError('PRECONDITION_FAILED', `This prediction is ${job.prediction.phase}.`);
    }
    return job;
  }

  /** A prediction that this process may change. */
  function ownJobOf(id: string, phases?: readonly Prediction['phase'][]): Job {
    readOthers();
    const job = jobOf(id, phases);
    if (job.isOthers) {
      const { hint } = job.prediction.error ?? {};
      throw new FedcardioError('PRECONDITION_FAILED', 'Another process works on this prediction.', { hint });
    }
    return job;
  }

  function proceed(): void {
    if (running) return;
    const job = queue.shift();
    if (!job) return;
    running = job;
    change(job, { phase: 'running' });
    job.ended = work(job).finally(() => {
      attempt(job.folder.tidy);
      running = undefined;
      proceed();
    });
  }

  async function work(job: Job): Promise<void> {
    try {
      await run(orderOf(job, place), job.controller.signal, ({ ct, cts, done, total }) => {
        if (running === job) change(job, { phase: 'running', progress: { ct: ct + 1, cts, done, total } }, false);
      });
      change(job, endOf(readResult(job.folder)));
    } catch (error) {
      if (job.controller.signal.aborted) return;
      change(job, { phase: 'failed', error: faultOf(error) });
    }
  }

  function cancel(job: Job): void {
    queue = queue.filter((other) => other !== job);
    if (!isOpen(job.prediction)) return;
    job.controller.abort();
    change(job, { phase: 'cancelled' });
    if (running !== job) attempt(job.folder.tidy);
  }

  return {
    live: {
      ...live,
      next: (after) => {
        readOthers();
        return live.next(after);
      },
    },
    add(added) {
      if (added.source === 'nifti' && !/\.nii(\.gz)?$/i.test(added.ct)) {
        throw new FedcardioError('BAD_CONFIGURATION', 'This file is no CT as NIfTI.', {
          hint: 'Choose a file that ends in .nii or .nii.gz, or a folder of DICOM files.',
        });
      }
      if (jobs.size >= MOST) {
        throw new FedcardioError('PRECONDITION_FAILED', `This page keeps ${MOST} predictions.`, {
          hint: 'Remove some of them.',
        });
      }
      requireRoom(root, added.bytes);
      const prediction: Prediction = {
        prediction: randomUUID(),
        ct: added.ct,
        source: added.source,
        model: added.model.kind === 'file' ? added.model.file : `${added.model.campaign}, ${added.model.stage}`,
        at: now().toISOString(),
        phase: 'receiving',
      };
      const folder = openFolder(root, prediction.prediction);
      // A later page lists only what is saved, and a CT that no page lists could not be removed.
      folder.save(prediction);
      const job = {
        prediction,
        isOthers: false,
        folder,
        added,
        left: added.bytes,
        controller: new AbortController(),
        ended,
      };
      jobs.set(prediction.prediction, job);
      live.set(all());
      return prediction.prediction;
    },
    async give(id, part, file, body) {
      const job = ownJobOf(id, ['receiving']);
      const { folder, added } = job;
      if (!added || (part !== 'ct' && part !== 'model'))
        throw new FedcardioError('NOT_FOUND', 'There is no such part.');
      const [into, name] =
        part === 'model'
          ? [join(folder.given, 'model'), safeName(added.model.kind === 'file' ? added.model.file : file)]
          : added.source === 'dicom'
            ? [dicomOf(job), safeName(file)]
            : [folder.files, safeName(added.ct)];
      job.left -= await folder.receive(into, name, body, job.left);
    },
    start(id) {
      const job = ownJobOf(id, ['receiving']);
      queue.push(job);
      change(job, { phase: 'waiting' });
      proceed();
    },
    cancel: (id) => cancel(ownJobOf(id)),
    async remove(id) {
      const job = ownJobOf(id);
      cancel(job);
      await job.ended;
      job.folder.remove();
      jobs.delete(id);
      live.set(all());
    },
    get(id) {
      const { prediction, folder } = jobOf(id);
      return { prediction, result: prediction.phase === 'done' ? readResult(folder) : undefined };
    },
    file(id, name) {
      const { folder } = jobOf(id, ['done']);
      const found = readResult(folder)?.files.find(({ file }) => file === name);
      if (!found) throw new FedcardioError('NOT_FOUND', 'The prediction has no such file.');
      return { path: join(folder.files, found.file), bytes: found.bytes };
    },
  };
}

/** Progress and error are of a phase. */
const without = ({ progress: _, error: __, ...rest }: Prediction): Prediction => rest;

/** DICOM files keep the name of their folder, because the results are named after it. */
const dicomOf = ({ folder, prediction }: Job): string => join(folder.given, 'dicom', safeName(prediction.ct));

function orderOf(job: Job, { endpoint, federation }: PredictionsOptions['place']): PredictOrder {
  const { folder, added } = job;
  if (!added) throw new Error('A prediction of an earlier run of the page never waits.');
  const { model, source } = added;
  return {
    result: folder.result,
    request: {
      ...(source === 'nifti'
        ? { cts: [join(folder.files, safeName(added.ct))], dicom: [] }
        : { cts: [], dicom: [dicomOf(job)] }),
      ...(model.kind === 'file'
        ? { model: [join(folder.given, 'model', safeName(model.file))], stage: [] }
        : { model: [], campaign: model.campaign, stage: [model.stage] }),
      out: folder.files,
      overwrite: false,
      overlap: OVERLAP,
      federation,
      ...(endpoint !== undefined && { endpoint }),
    },
  };
}

/** A prediction without any CT that could be used has failed. */
function endOf(result: PredictionResult | undefined): Pick<Prediction, 'phase' | 'error'> {
  const [first] = result?.failed ?? [];
  return first && result?.cts.length === 0 ? { phase: 'failed', error: { message: first.reason } } : { phase: 'done' };
}

function faultOf(error: unknown): { readonly message: string; readonly hint?: string } {
  if (!isFedcardioError(error)) return { message: describeError(error) };
  const { message, hint } = error;
  return { message, ...(hint !== undefined && { hint }) };
}

function requireRoom(root: string, bytes: number): void {
  const free = freeBytes(root);
  // Conversion of DICOM, and class maps, need as much again.
  if (2 * bytes + RESERVE <= free) return;
  const short = `${(bytes / 1e9).toFixed(1)} GB and their results do not fit: ${(free / 1e9).toFixed(1)} GB are free.`;
  throw new FedcardioError('STORAGE_FULL', short, { hint: 'Remove earlier predictions, or free space on the disk.' });
}
