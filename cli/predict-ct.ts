import { createReadStream, mkdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { type Task, type TaskId, taskOf } from '../lib/federation/tasks.ts';
import { isWithin } from '../lib/imaging/heart-crop.ts';
import { writeMarkups } from '../lib/imaging/markups.ts';
import { readNiftiStream } from '../lib/imaging/nifti-scan.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { originLine } from '../lib/imaging/origin.ts';
import type { Volume } from '../lib/imaging/volume.ts';
import { examineImage } from '../lib/intake/image.ts';
import { canonicalJson } from '../lib/json.ts';
import type { Ensemble } from '../lib/models/ensemble.ts';
import { createNetwork } from '../lib/models/network.ts';
import { PURPOSE } from '../lib/models/package.ts';
import { loadBackend } from '../lib/nn/backend.ts';
import { type Figure, figuresOf } from '../lib/report/prediction-figures.ts';
import { predictionPage } from '../lib/report/prediction-page.ts';
import { foregroundVolume } from '../lib/scoring/foreground-volume.ts';
import { type Measurements, measure } from '../lib/scoring/measurements.ts';
import { type Preparation, type PreparedImage, prepareImage } from '../lib/training/cases.ts';
import type { Prediction } from '../lib/training/decode-prediction.ts';
import { predictTogether } from '../lib/training/infer.ts';
import { doubtsOf } from '../lib/training/plausibility.ts';
import { VERSION } from '../lib/version.ts';
import { fileHash, modelRecord, noteFile, type Origin, pageFile, recordFile } from './prediction-record.ts';
import { writeWhole } from './write-whole.ts';

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

/** Prepares an image once for all models that see it alike. */
function preparer(image: Volume): (how: Preparation) => PreparedImage {
  const prepared = new Map<string, PreparedImage>();
  return ({ spacing, heartCrop, intensity }) => {
    const key = canonicalJson({ spacing, heartCrop, intensity });
    const found = prepared.get(key) ?? prepareImage(image, { spacing, heartCrop, intensity });
    prepared.set(key, found);
    return found;
  };
}

export interface PredictorOptions {
  /** Folder of the predictions. */
  readonly out: string;
  /** Least share of a window that the next one overlaps. */
  readonly overlap: number;
  /** Given the pictures of the page, for another one. */
  readonly onPictures?: ((name: string, pictures: readonly TaskPictures[]) => void) | undefined;
}

/** The pictures of what was found for one task. */
export interface TaskPictures {
  readonly task: Task;
  readonly figures: readonly Figure[];
}

/**
 * Loads models that predict files one after the other and writes the predictions to the folder `out`. The record of a CT is
 * written last, so that it never speaks of files that are not there; until then a note says whose the files are.
 */
export async function openPredictor(ensemble: Ensemble, options: PredictorOptions): Promise<Predictor> {
  const { out, overlap, onPictures } = options;
  const { models, tasks } = ensemble;
  const { description } = await loadBackend();
  const loaded = models.map((trained) => {
    const network = createNetwork(trained.model, trained.tasks, 0);
    network.load(trained.weights);
    return { network, trained };
  });
  mkdirSync(out, { recursive: true });
  return {
    backend: description,
    origin: `fedcardio ${VERSION}, ${countedModels(ensemble)} ${ensemble.sha256.slice(0, 12)}: ${PURPOSE}`,
    async predict(ct, name, onWindow) {
      const { size } = statSync(ct);
      await examineImage(createReadStream(ct), size);
      const image = await readNiftiStream(createReadStream(ct), size, basename(ct));
      const own = { shape: image.shape, affine: image.affine };
      const imageFor = preparer(image);
      const members = loaded.map(({ network, trained }) => ({
        network,
        patch: trained.patch,
        image: imageFor(trained),
      }));
      const isWhole = models.some(
        (trained) => trained.heartCrop !== null && !isWithin(imageFor(trained), trained.heartCrop),
      );
      const predictions = await predictTogether(members, own, tasks, { overlap, onWindow });
      const origin: Origin = { model: ensemble.sha256, image: { file: basename(ct), sha256: await fileHash(ct) } };
      const record = join(out, recordFile(name));
      const note = join(out, noteFile(name));
      writeWhole(note, `${JSON.stringify({ ...origin, overlap })}\n`);
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
      const provenance = provenanceOf(shownPath(ct), ensemble, origin, overlap);
      writeWhole(page, predictionPage({ ct: shownPath(ct), image, predicted, measured, provenance, purpose: PURPOSE }));
      onPictures?.(
        name,
        predicted.map((one) => ({ task: one.task, figures: figuresOf(image, one) })),
      );
      const text = { schema: 'fedcardio.prediction/1', release: VERSION, purpose: PURPOSE, ...origin };
      const named = models.map(modelRecord);
      const [{ sha256: _, ...training }, ...others] = named as [ModelRecord, ...ModelRecord[]];
      const from = { ...(others.length === 0 && { training }), models: named, overlap };
      writeWhole(record, `${JSON.stringify({ ...text, ...from, findings, ...measured, page }, null, 2)}\n`);
      rmSync(note, { force: true });
      return { ct, findings, ...measured, page };
    },
    close: () => {
      for (const { network } of loaded) network.dispose();
    },
  };
}

/** A file with its folder: many CTs are named `image.nii.gz`. */
const shownPath = (file: string): string => join(basename(dirname(resolve(file))), basename(file));

type ModelRecord = ReturnType<typeof modelRecord>;

const countedModels = ({ models }: Ensemble): string =>
  models.length === 1 ? 'model' : `ensemble of ${models.length} models,`;

/** Where a prediction comes from, for its page. */
function provenanceOf(ct: string, ensemble: Ensemble, { model, image }: Origin, overlap: number) {
  const { models } = ensemble;
  const together =
    models.length === 1 ? [] : [['ensemble', `${models.length} models, SHA-256 of their hashes ${model}`] as const];
  const each = models.flatMap(({ sha256, origin, trainedOnPhantoms }) => {
    const phantoms = trainedOnPhantoms ? ', trained on phantoms, not on patients' : '';
    const { campaign, stage, round, commit } = origin;
    return [
      ['model', `SHA-256 ${sha256}${phantoms}`],
      ['training', `campaign ${campaign}, stage ${stage}, round ${round}, commit ${commit}`],
    ] as const;
  });
  return [
    ['CT', `${ct}, SHA-256 ${image.sha256}`] as const,
    ...together,
    ...each,
    ['windows', `overlap by at least ${overlap}`] as const,
    ['release', `fedcardio ${VERSION}`] as const,
  ];
}

const NO_HEART = 'no heart with contrast was found between two lungs, so all of the CT was searched';

function written(ct: string, name: string, task: Task, prediction: Prediction, origin: string): Finding {
  const { classMap, landmarks, confidence } = prediction;
  const { classes } = task;
  const map = `${name}.nii.gz`;
  writeWhole(map, writeNifti(classMap, { description: origin }));
  const finding = { ct, task: task.id, confidence, doubts: doubtsOf(task, prediction) };
  if (!landmarks) return { ...finding, volumeMm3: foregroundVolume(classMap), files: [map] };
  const markups = `${name}.mrk.json`;
  writeWhole(markups, writeMarkups(landmarks, classes, origin));
  const positions = landmarks.map(({ label, position }) => [classes[label - 1] as string, position] as const);
  return { ...finding, landmarks: Object.fromEntries(positions), files: [map, markups] };
}
