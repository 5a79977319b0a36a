import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { learns } from '../../../lib/protocol/plan.ts';
import { listCampaignsWith } from '../../campaign/listed.ts';
import { onFailure } from '../failure.ts';
import type { Handler } from '../handler.ts';
import { perContext } from '../hospital/per-context.ts';
import { safeName } from '../predict/folder.ts';
import { createPredictions } from '../predict/predictions.ts';
import { runPredictProcess } from '../predict/run-process.ts';

const predictionsOf = perContext(({ work, federation, site, endpoint, now }) =>
  createPredictions({
    root: join(
      work,
      safeName(federation.id),
      site === undefined ? 'coordinator' : `site-${safeName(site)}`,
      'predictions',
    ),
    place: { endpoint, federation: federation.id },
    now,
    run: runPredictProcess,
    onFailure,
  }),
);

/** Stages of ended campaigns that have a model, those of the campaign that ended last first. */
export const models: Handler<'models'> = async ({ reader }) => {
  const listed = await listCampaignsWith({ federationStore: reader }, async ({ stages }) => ({
    learnt: stages.filter(({ stage, completed }) => completed && learns(stage)).map(({ stage }) => stage.name),
  }));
  return {
    models: listed
      .flatMap(({ campaign, endedAt, learnt = [] }) =>
        // The last stage is the one that a campaign is for.
        endedAt === undefined ? [] : learnt.toReversed().map((stage) => ({ campaign, stage, endedAt })),
      )
      .sort((a, b) => b.endedAt.localeCompare(a.endedAt)),
  };
};

export const predictions: Handler<'predictions'> = async (context, { query: { after } }) => {
  const { version, value } = await predictionsOf(context).live.next(after);
  return { version, predictions: [...value] };
};

export const addPrediction: Handler<'addPrediction'> = async (context, { body }) => ({
  prediction: predictionsOf(context).add(body),
});

export const givePrediction: Handler<'givePrediction'> = async (context, { params, body }) => {
  await predictionsOf(context).give(params.prediction, params.part, params.file, body);
  return {};
};

export const startPrediction: Handler<'startPrediction'> = async (context, { params }) => {
  predictionsOf(context).start(params.prediction);
  return {};
};

export const cancelPrediction: Handler<'cancelPrediction'> = async (context, { params }) => {
  predictionsOf(context).cancel(params.prediction);
  return {};
};

export const removePrediction: Handler<'removePrediction'> = async (context, { params }) => {
  await predictionsOf(context).remove(params.prediction);
  return {};
};

export const prediction: Handler<'prediction'> = async (context, { params }) => {
  const { prediction, result } = predictionsOf(context).get(params.prediction);
  return { prediction, ...(result && { result }) };
};

/** Sent as bytes, so that no browser shows or runs what a file holds. */
export const predictionFile: Handler<'predictionFile'> = async (context, { params }) => {
  const { path, bytes } = predictionsOf(context).file(params.prediction, params.file);
  return { type: 'application/octet-stream', body: createReadStream(path), bytes };
};
