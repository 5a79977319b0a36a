import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { printable } from '../lib/printable.ts';
import type { Measurement } from '../lib/scoring/measurements.ts';
import { VERSION } from '../lib/version.ts';
import { type CampaignFlags, placed } from './campaign.ts';
import { overlap, percent } from './options.ts';
import type { Finding, PredictedCt } from './predict-ct.ts';
import { predictProgress } from './predict-progress.ts';
import type { Predicted } from './predict-run.ts';
import { printJson } from './print-json.ts';
import { commandLine } from './shell-words.ts';

/** `fedcardio predict <ct...> --model FILE`: runs a trained model on CTs on this machine. */
export const predictCommand = (): Command =>
  placed(new Command('predict').argument('[ct...]', 'CTs in HU as .nii or .nii.gz, or folders of DICOM files'))
    .option(
      '--model <file>',
      'model package: student.safetensors, or a file of export --format fedcardio (repeatable: an ensemble)',
      collect,
      [],
    )
    .option('--campaign <id>', 'campaign that trained the model, instead of --model')
    .option('--stage <name>', 'its stage, e.g. student (repeatable: an ensemble)', collect, [])
    .option('--dicom <dir>', 'folder of DICOM files; every CT series in it is predicted (repeatable)', collect, [])
    .option(
      '--phase <percent>',
      'heart phase to take from a DICOM series with several (default: nearest to 75)',
      percent,
    )
    .option('--overlap <share>', 'least share of a window that the next one overlaps', overlap, 0.5)
    .option('--out <dir>', 'folder for predictions', 'predictions')
    .option('--overwrite', 'replace predictions of other CTs or models in this folder', false)
    .addHelpText(
      'after',
      `
With several models, which must have learnt the same tasks, their class probabilities are averaged. A larger --overlap is
slower: 0.75 takes up to eight times as long as 0.5.

With --model, no server is needed. --endpoint and --federation say where a --campaign is.

For each CT and task: <name>-<task>.nii.gz, a class map on the CT's own grid, and for landmarks
<name>-<task>.mrk.json, for 3D Slicer. For each CT: <name>-prediction.html, a page with slices and
measurements, and <name>-prediction.json with the findings, the release, and the SHA-256 of model
and CT. <name> is the CT's file name, preceded by its folders if several CTs have the same:
p1-image, p2-image. A CT that intake would reject, such as one that is not in HU, does not stop the
others; the exit code is then 1. A DICOM series is written as <name>.nii.gz first; <name> is then the
folder's, such as patient1-DICOM and patient2-DICOM.

Examples:
  npx fedcardio predict patient.nii.gz --model demo-output/student.safetensors
  npx fedcardio predict --dicom /media/cdrom --model demo-output/student.safetensors
  npx fedcardio predict patient.nii.gz --model a.safetensors --model b.safetensors --overlap 0.75
  npx fedcardio predict ct/*.nii.gz --campaign tavi-2026 --stage student --federation heart
  npx fedcardio predict patient.nii.gz --campaign demo-full-1 --stage student --endpoint http://127.0.0.1:4566 --json`,
    )
    .action(predict);

interface PredictFlags extends CampaignFlags {
  readonly model: readonly string[];
  readonly campaign?: string;
  readonly stage: readonly string[];
  readonly dicom: readonly string[];
  readonly phase?: number;
  readonly out: string;
  readonly overwrite: boolean;
  readonly overlap: number;
}

const collect = (value: string, values: readonly string[]): readonly string[] => [...values, value];

async function predict(words: readonly string[], flags: PredictFlags, command: Command): Promise<void> {
  const usage = usageFault(words, flags);
  if (usage !== undefined) command.error(`error: ${usage}`);
  const { runPrediction } = await import('./predict-run.ts');
  let progress: ReturnType<typeof predictProgress> | undefined;
  const { ensemble, predicted, failed } = await runPrediction(
    { ...flags, cts: words },
    {
      onReady({ backend, origin, cts, ensemble: { models, trainedOnPhantoms } }) {
        const trained = models.length === 1 ? 'The model was' : 'At least one of the models was';
        const phantoms = trainedOnPhantoms ? `\n${trained} trained on phantoms, not on patients.` : '';
        console.error(`${backend}\n${origin}${phantoms}`);
        progress = predictProgress(cts, process.stderr, () => performance.now() / 1000);
      },
      onCt: (index, ct) => progress?.start(index, ct),
      onWindow: (done, total) => progress?.window(done, total),
      onCtEnd: () => progress?.end(),
    },
  );
  if (flags.json) await printPredictions({ ensemble, predicted, failed }, flags.overlap);
  else for (const line of predicted.flatMap(linesOf)) console.log(printable(line));
  for (const { ct, reason } of failed) console.error(printable(`${ct}: ${reason}`));
  if (failed.length > 0) process.exitCode = 1;
}

async function printPredictions({ ensemble, predicted, failed }: Predicted, overlap: number): Promise<void> {
  const [{ modelRecord }, { PURPOSE }] = await Promise.all([
    import('./prediction-record.ts'),
    import('../lib/models/package.ts'),
  ]);
  const { sha256: model, models, trainedOnPhantoms } = ensemble;
  const [first, ...others] = models;
  const training = others.length === 0 ? { campaign: first?.origin.campaign, stage: first?.origin.stage } : {};
  const from = { ...training, model, models: models.map(modelRecord), overlap, trainedOnPhantoms };
  const found = {
    findings: predicted.flatMap(({ findings }) => findings),
    cts: predicted.map(({ findings: _, ...ct }) => ct),
    failed,
  };
  printJson('predictions', { ...from, release: VERSION, purpose: PURPOSE, ...found });
}

/** What is wrong with the words of the command line, and the line to type instead. */
function usageFault(words: readonly string[], { model, campaign, stage, dicom }: PredictFlags): string | undefined {
  if (words.length + dicom.length === 0) return 'which CT? Give .nii.gz files, or folders of DICOM files';
  if (model.length > 0 && (campaign !== undefined || stage.length > 0))
    return 'give --model, or --campaign and --stage';
  if (model.length > 0 || (campaign !== undefined && stage.length > 0)) return undefined;
  if (campaign !== undefined || stage.length > 0) return '--campaign and --stage belong together';
  const [first, second, ...rest] = words;
  // Earlier releases took the campaign and the stage as the first two words.
  if (first && second && rest.length > 0 && ![first, second].some(isCt)) {
    const line = predictLine([...rest, '--campaign', first, '--stage', second]);
    return `campaign and stage are options now: ${line}`;
  }
  return `which model? ${predictLine(words)} --model FILE`;
}

const predictLine = (words: readonly string[]): string => commandLine(['npx', 'fedcardio', 'predict', ...words]);

const isCt = (word: string): boolean => /\.nii(\.gz)?$/i.test(word) || existsSync(word);

const linesOf = ({ ct, findings, measurements, page }: PredictedCt): readonly string[] => [
  ...findings.map(lineOf),
  ...measurements.map((measurement) => `${ct}: ${measurementText(measurement)}`),
  `${ct}: → ${page}`,
];

function measurementText({ title, value, unit, reason, doubts }: Measurement): string {
  const why = [...(reason === undefined ? [] : [reason]), ...doubts].map((text) => ` (${text})`).join('');
  return value === null ? `${title}: not measured${why}` : `${title}: ${value.toFixed(1)} ${unit}${why}`;
}

function lineOf({ ct, task, confidence, landmarks, volumeMm3, doubts, files }: Finding): string {
  const missing = Object.entries(landmarks ?? {}).filter(([, position]) => position === null);
  const what = [
    ...(landmarks
      ? [`${Object.keys(landmarks).length - missing.length} of ${Object.keys(landmarks).length} points`]
      : []),
    ...missing.map(([name]) => `no ${name}`),
    ...(volumeMm3 === undefined ? [] : [`${volumeMm3.toFixed(1)} mm³`]),
    `confidence ${confidence.toFixed(2)}`,
    ...doubts.map((doubt) => `implausible: ${doubt}`),
  ];
  return `${ct}: ${task}: ${what.join(', ')} → ${files.join(', ')}`;
}
