import { createReadStream, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { type Task, type TaskId, taskOf } from '../lib/federation/tasks.ts';
import { isWithin } from '../lib/imaging/heart-crop.ts';
import { writeMarkups } from '../lib/imaging/markups.ts';
import { readNiftiStream } from '../lib/imaging/nifti-scan.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { originLine } from '../lib/imaging/origin.ts';
import { examineImage } from '../lib/intake/image.ts';
import { createNetwork } from '../lib/models/network.ts';
import { PURPOSE, type TrainedModel } from '../lib/models/package.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { predictionPage } from '../lib/report/prediction-page.ts';
import { foregroundVolume } from '../lib/scoring/foreground-volume.ts';
import { type Measurements, measure } from '../lib/scoring/measurements.ts';
import { prepareImage } from '../lib/training/cases.ts';
import type { Prediction } from '../lib/training/decode-prediction.ts';
import { predictTasks } from '../lib/training/infer.ts';
import { doubtsOf } from '../lib/training/plausibility.ts';
import { VERSION } from '../lib/version.ts';
import { fileHash, type Origin, pageFile, recordFile } from './prediction-record.ts';

/** A model's prediction for one task in one CT. */
export interface Finding {
  readonly ct: string;
  readonly task: TaskId;
  /** Mean probability of the winning class over the predicted foreground; 0 if nothing was found. */
  readonly confidence: number;
  /** World position (RAS, mm) of each point by name; null if missing. */
  readonly landmarks?: Readonly<Record<string, readonly number[] | null>>;
  /** Segmentations only: volume of all classes together, mm³. */
  readonly volumeMm3?: number;
  /** What makes this prediction implausible, such as points or a volume that no aortic root has. */
  readonly doubts: readonly string[];
  readonly files: readonly string[];
}

/** What was found in one CT. */
export interface PredictedCt extends Measurements {
  readonly ct: string;
  readonly findings: readonly Finding[];
  /** The page that shows them. */
  readonly page: string;
}

export interface Predictor {
  /** The tensor backend, in one line. */
  readonly backend: string;
  /** Release, model and purpose. */
  readonly origin: string;
  /**
   * @param name start of the names of the predictions
   * @param onWindow called after each window with the number of windows so far and of all
   * @throws FedcardioError `BAD_IMAGE` for a file that intake would reject
   */
  predict(ct: string, name: string, onWindow?: (done: number, total: number) => void): Promise<PredictedCt>;
  close(): void;
}

/**
 * Loads a model that predicts files one after the other and writes its predictions to the folder `out`. The record of a
 * CT is written last, so that it never speaks of files that are not there.
 */
export async function openPredictor(trained: TrainedModel, out: string): Promise<Predictor> {
  const { model, tasks, patch, weights } = trained;
  const { description } = await loadBackend();
  const network = createNetwork(model, tasks, 0);
  network.load(weights);
  mkdirSync(out, { recursive: true });
  return {
    backend: description,
    origin: `fedcardio ${VERSION}, model ${trained.sha256.slice(0, 12)}: ${PURPOSE}`,
    async predict(ct, name, onWindow) {
      const { size } = statSync(ct);
      await examineImage(createReadStream(ct), size);
      const image = await readNiftiStream(createReadStream(ct), size, basename(ct));
      const own = { shape: image.shape, affine: image.affine };
      const prepared = prepareImage(image, trained);
      const isWhole = trained.heartCrop !== null && !isWithin(prepared, trained.heartCrop);
      const predictions = await predictTasks(network, prepared, own, patch, tasks, onWindow ? { onWindow } : {});
      const origin: Origin = { model: trained.sha256, image: { file: basename(ct), sha256: await fileHash(ct) } };
      const record = join(out, recordFile(name));
      rmSync(record, { force: true });
      const line = originLine({ ...origin, of: 'CT' });
      const found = [...predictions].map(([id, prediction]) => {
        const task = taskOf(tasks, id);
        const finding = written(ct, join(out, `${name}-${id}`), task, prediction, line);
        const doubts = isWhole ? [NO_HEART, ...finding.doubts] : finding.doubts;
        return { task, classMap: prediction.classMap, finding: { ...finding, doubts } };
      });
      const findings = found.map(({ finding }) => finding);
      const predicted = found.map(({ task, classMap, finding }) => ({ ...finding, task, classMap }));
      const measured = measure(predicted);
      const page = join(out, pageFile(name));
      const provenance = provenanceOf(shownPath(ct), trained, origin);
      writeFileSync(
        page,
        predictionPage({ ct: shownPath(ct), image, predicted, measured, provenance, purpose: PURPOSE }),
      );
      const text = { schema: 'fedcardio.prediction/1', release: VERSION, purpose: PURPOSE, ...origin };
      const training = { ...trained.origin, trainedOnPhantoms: trained.trainedOnPhantoms };
      writeFileSync(record, `${JSON.stringify({ ...text, training, findings, ...measured, page }, null, 2)}\n`);
      return { ct, findings, ...measured, page };
    },
    close: () => network.dispose(),
  };
}

/** A file with its folder: many CTs are named `image.nii.gz`. */
const shownPath = (file: string): string => join(basename(dirname(resolve(file))), basename(file));

/** Where a prediction comes from, for its page. */
function provenanceOf(ct: string, { origin, trainedOnPhantoms }: TrainedModel, { model, image }: Origin) {
  const phantoms = trainedOnPhantoms ? ', trained on phantoms, not on patients' : '';
  return [
    ['CT', `${ct}, SHA-256 ${image.sha256}`],
    ['model', `SHA-256 ${model}${phantoms}`],
    ['training', `campaign ${origin.campaign}, stage ${origin.stage}, round ${origin.round}, commit ${origin.commit}`],
    ['release', `fedcardio ${VERSION}`],
  ] as const;
}

const NO_HEART = 'no heart with contrast was found between two lungs, so all of the CT was searched';

function written(ct: string, name: string, task: Task, prediction: Prediction, origin: string): Finding {
  const { classMap, landmarks, confidence } = prediction;
  const { classes } = task;
  const map = `${name}.nii.gz`;
  writeFileSync(map, writeNifti(classMap, { description: origin }));
  const finding = { ct, task: task.id, confidence, doubts: doubtsOf(task, prediction) };
  if (!landmarks) return { ...finding, volumeMm3: foregroundVolume(classMap), files: [map] };
  const markups = `${name}.mrk.json`;
  writeFileSync(markups, writeMarkups(landmarks, classes, origin));
  const positions = landmarks.map(({ label, position }) => [classes[label - 1] as string, position] as const);
  return { ...finding, landmarks: Object.fromEntries(positions), files: [map, markups] };
}
