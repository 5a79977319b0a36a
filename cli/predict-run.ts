import { basename } from 'node:path';
import { describeError } from '../lib/error.ts';
import type { Ensemble } from '../lib/models/ensemble.ts';
import type { TrainedModel } from '../lib/models/package.ts';
import { type CampaignFlags, campaignContext } from './campaign.ts';
import { readyCts } from './dicom-cts.ts';
import type { PredictedCt, Predictor, PredictorOptions } from './predict-ct.ts';
import { predictionNames } from './prediction-names.ts';
import { readInput } from './read-input.ts';

/** What is predicted, by which models, and where it is written. */
export interface PredictRequest extends CampaignFlags, PredictorOptions {
  /** CTs: NIfTI files, and folders of DICOM files. */
  readonly cts: readonly string[];
  /** Further folders of DICOM files. */
  readonly dicom: readonly string[];
  /** Heart phase of a DICOM series with several, per cent. */
  readonly phase?: number | undefined;
  /** Files of model packages; otherwise stages of a campaign. */
  readonly model: readonly string[];
  readonly campaign?: string | undefined;
  readonly stage: readonly string[];
  readonly overwrite: boolean;
}

/** Told how far it is. CTs are counted from 0. */
export interface PredictEvents {
  /** The models are loaded, and nothing is computed yet. */
  readonly onReady: (ready: Pick<Predictor, 'backend' | 'origin'> & ReadyModels) => void;
  readonly onCt: (index: number, ct: string) => void;
  readonly onWindow: (done: number, total: number) => void;
  readonly onCtEnd: () => void;
}

interface ReadyModels {
  readonly cts: number;
  readonly ensemble: Ensemble;
}

export interface Predicted {
  readonly ensemble: Ensemble;
  readonly predicted: readonly PredictedCt[];
  readonly failed: readonly { readonly ct: string; readonly reason: string }[];
}

/**
 * Predicts CTs one after the other. One that cannot be used does not stop the others.
 *
 * @throws FedcardioError if a model cannot be used, or files would be replaced, before anything is computed
 */
export async function runPrediction(request: PredictRequest, events: PredictEvents): Promise<Predicted> {
  const { cts, dicom, phase, out, overwrite, overlap, onPictures } = request;
  // Before DICOM is converted, which takes long and leaves files.
  const ensemble = await readModels(request);
  const ready = await readyCts({ cts, dicom, phase, out, overwrite });
  const names = predictionNames(ready.cts);
  const [{ openPredictor }, { requireFree }] = await Promise.all([
    import('./predict-ct.ts'),
    import('./prediction-record.ts'),
  ]);
  await requireFree({ names, out, model: ensemble.sha256, tasks: ensemble.tasks, overwrite, overlap });
  const predictor = await openPredictor(ensemble, { out, overlap, onPictures });
  const { backend, origin } = predictor;
  events.onReady({ backend, origin, cts: names.size, ensemble });
  const predicted: PredictedCt[] = [];
  const failed = [...ready.failed];
  for (const [index, [ct, name]] of [...names].entries()) {
    events.onCt(index, ct);
    try {
      predicted.push(await predictor.predict(ct, name, events.onWindow));
    } catch (error) {
      failed.push({ ct, reason: describeError(error) });
    }
    events.onCtEnd();
  }
  predictor.close();
  return { ensemble, predicted, failed };
}

/** The models that are named. */
async function readModels(request: PredictRequest): Promise<Ensemble> {
  const { ensembleOf } = await import('../lib/models/ensemble.ts');
  const models: { name: string; model: TrainedModel }[] = [];
  if (request.model.length > 0) {
    const { decodePackage } = await import('../lib/models/package.ts');
    for (const file of request.model)
      models.push({ name: file, model: decodePackage(readInput(file), basename(file)) });
  } else {
    const { trainedModel } = await import('../gpu-tasks/stage-model.ts');
    const { federationStore } = await campaignContext(request);
    for (const name of request.stage) {
      models.push({ name, model: await trainedModel(federationStore, request.campaign as string, name) });
    }
  }
  const [first, ...others] = models;
  if (!first) throw new Error('A request names at least one model.');
  return ensembleOf([first, ...others]);
}
