import { Command } from 'commander';
import { describeError } from '../lib/error.ts';
import { printable } from '../lib/printable.ts';
import { VERSION } from '../lib/version.ts';
import { aboutCampaign, type CampaignFlags, campaignContext } from './campaign.ts';
import type { Finding } from './predict-ct.ts';
import { predictionNames } from './prediction-names.ts';

/** `fedcardio predict <campaign> <stage> <ct...>`: runs a trained model on CTs on this machine. */
export const predictCommand = (): Command =>
  aboutCampaign(new Command('predict'))
    .argument('<stage>', 'stage of the campaign that trained the model, e.g. student')
    .argument('<ct...>', 'CTs in HU, as .nii or .nii.gz')
    .description('Run a trained model on CTs on this machine. No data leaves the machine.')
    .option('--out <dir>', 'folder for predictions', 'predictions')
    .option('--overwrite', 'replace predictions of other CTs or models in this folder', false)
    .addHelpText(
      'after',
      `
For each CT and task: <name>-<task>.nii.gz, a class map on the CT's own grid, and for landmarks
<name>-<task>.mrk.json, for 3D Slicer; for each CT <name>-prediction.json with the findings, the
release, and the SHA-256 of model and CT. <name> is the CT's file name, preceded by its folders if
several CTs have the same: p1-image, p2-image. A CT that intake would reject, such as one that is
not in HU, does not stop the others; the exit code is then 1.

Examples:
  fedcardio predict tavi-2026 student ct/*.nii.gz --federation heart
  fedcardio predict demo-full-1 student patient.nii.gz --endpoint http://127.0.0.1:4566 --json`,
    )
    .action(predict);

interface PredictFlags extends CampaignFlags {
  readonly out: string;
  readonly overwrite: boolean;
}

async function predict(campaign: string, stage: string, cts: readonly string[], flags: PredictFlags): Promise<void> {
  const names = predictionNames(cts);
  const [{ trainedModel }, { openPredictor }, { PURPOSE, requireFree }] = await Promise.all([
    import('../gpu-tasks/stage-model.ts'),
    import('./predict-ct.ts'),
    import('./prediction-record.ts'),
  ]);
  const { federationStore } = await campaignContext(flags);
  const trained = await trainedModel(federationStore, campaign, stage);
  const { sha256: model, tasks } = trained;
  await requireFree({ names, out: flags.out, model, tasks, overwrite: flags.overwrite });
  const predictor = await openPredictor(trained, flags.out);
  console.error(`${predictor.backend}\n${predictor.origin}`);
  const findings: Finding[] = [];
  const failed: { readonly ct: string; readonly reason: string }[] = [];
  for (const [index, [ct, name]] of [...names].entries()) {
    console.error(`${index + 1}/${names.size} ${printable(ct)}`);
    try {
      findings.push(...(await predictor.predict(ct, name)));
    } catch (error) {
      failed.push({ ct, reason: describeError(error) });
    }
  }
  predictor.close();
  if (flags.json)
    console.log(
      JSON.stringify({ campaign, stage, model, release: VERSION, purpose: PURPOSE, findings, failed }, null, 2),
    );
  else for (const line of findings.map(lineOf)) console.log(line);
  for (const { ct, reason } of failed) console.error(printable(`${ct}: ${reason}`));
  if (failed.length > 0) process.exitCode = 1;
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
