/** Predicts one CT with a model package. The argument is a {@link PredictJob} as JSON. Prints its figures as JSON. */

import { readFileSync } from 'node:fs';
import { openPredictor } from '../../cli/predict-ct.ts';
import { ensembleOf } from '../../lib/models/ensemble.ts';
import { decodePackage } from '../../lib/models/package.ts';
import { OVERLAP } from '../../lib/nn/sliding-window.ts';
import { peakRss } from '../../lib/peak-rss.ts';

export interface PredictJob {
  readonly ct: string;
  readonly model: string;
  readonly out: string;
}

export interface PredictFigures {
  readonly seconds: number;
  readonly windows: number;
  readonly peakRssMB: number;
}

const job: PredictJob = JSON.parse(process.argv[2] as string);
const model = decodePackage(readFileSync(job.model), job.model);
const predictor = await openPredictor(ensembleOf([{ name: job.model, model }]), { out: job.out, overlap: OVERLAP });
const started = performance.now();
let windows = 0;
await predictor.predict(job.ct, 'ct', (_, total) => {
  windows = total;
});
const seconds = Math.round((performance.now() - started) / 1000);
const figures: PredictFigures = { seconds, windows, peakRssMB: Math.round(peakRss() / 1e6) };
console.log(JSON.stringify(figures));
