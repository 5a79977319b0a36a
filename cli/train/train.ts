import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import type { Campaign, CatalogEntry, Outcome } from '../../lib/federation/schemas.ts';
import { campaignSchema } from '../../lib/federation/schemas.ts';
import { parseJson } from '../../lib/json.ts';
import { printable, printableJson } from '../../lib/printable.ts';
import type { Platform } from '../../local/platform.ts';
import type { Dataset } from '../datasets/dataset.ts';
import { readDicomCases } from '../datasets/dicom-cases.ts';
import { readInput } from '../read-input.ts';
import { costLine, scoreTable } from '../report/summary-text.ts';
import { writeReport } from '../report/write-report.ts';
import { createDisplay } from '../run/display.ts';
import type { LocalOptions } from '../run/options.ts';
import type { RunDirectory } from '../run/run-directory.ts';
import { runFacts } from '../run/run-facts.ts';
import { type Run, runLocally } from '../run/run-locally.ts';
import type { RunSite } from '../run/run-site.ts';
import { chooseCampaign } from './choose-campaign.ts';
import { awaitIntake, type SiteIntake } from './intake-result.ts';
import { intakeText } from './intake-text.ts';
import { type Material, readMaterial } from './material.ts';
import { prepareOut, requireSpace, writeInputs } from './out-dir.ts';
import type { TrainRequest } from './request.ts';
import { isResumable, openTrainDirectory, requireContinuable } from './train-dir.ts';
import { uploadSites } from './upload.ts';

export interface TrainOptions extends LocalOptions {
  /** Folder for report, model and predictions. */
  readonly out: string;
  /** Folder of buckets, queues and the run's state. */
  readonly data: string;
  /** Whether to continue a finished run too, instead of replacing it. */
  readonly resume: boolean;
  readonly json: boolean;
}

/**
 * Trains on folders of CTs: uploads them to buckets on this machine as hospitals do, runs one campaign, and writes report,
 * model and predictions. Progress goes to standard error, the result to standard output.
 *
 * @throws BAD_CONFIGURATION before any work for folders, campaigns and directories that do not fit; CAMPAIGN_FAILED if the
 *   campaign failed, after writing the report; AbortError on the options' signal
 */
export async function train(request: TrainRequest, options: TrainOptions): Promise<void> {
  const { out, data } = options;
  const display = createDisplay(process.stderr);
  const material = readMaterial(request, await convertedSites(request, options, display.say), display.say);
  const isResumed = isResumable(data, request, options.resume);
  if (!isResumed) requireSpace(data, material);
  requireContinuable(data, request, material, options);
  prepareOut(out, request.campaign, isResumed);
  const directory = await openTrainDirectory(data, request, material, options, display.say);
  const { federation, sites } = material;
  const count = sites.reduce((sum, { cases }) => sum + cases.length, 0);
  await runLocally(
    {
      title: `fedcardio: ${count} CTs of ${sites.length} sites, seed ${request.seed}, ${options.tasks} GPU tasks at a time`,
      federation,
      sites: sites.map(uploadedSite),
      directory,
      campaign: isResumed ? (material.campaign ?? writtenCampaign(out)) : material.campaign,
      prepare: async (platform, run) => {
        const intake = await deliver(platform, run, material, options);
        const campaign =
          material.campaign ?? (isResumed ? writtenCampaign(out) : undefined) ?? chosen(intake, material, request);
        writeInputs(out, federation, campaign, request.campaign);
        if (!material.campaign && !campaign.stages.some(({ kind }) => kind === 'evaluate'))
          display.say('No accepted held-out CT has a label, so there will be no scores.');
        display.say(`Stages: ${campaign.stages.map(({ name }) => name).join(', ')} (${join(out, 'campaign.json')})`);
        return { campaign, sites: intake.map((found) => acceptedSite(found, material)) };
      },
      finish: (platform, run, outcome) => finish(platform, run, outcome, { material, request, options, directory }),
    },
    options,
    display,
  );
}

/** The sites whose CTs are DICOM. Converted CTs lie beside the run's directory, since later runs can use them. */
async function convertedSites(
  { sites }: TrainRequest,
  { data, signal }: TrainOptions,
  say: (line: string) => void,
): Promise<ReadonlyMap<string, Dataset>> {
  const converted = new Map<string, Dataset>();
  for (const { id, dir } of sites) {
    const dataset = await readDicomCases(dir, { cache: join(`${resolve(data)}-dicom`, id), signal, say });
    if (dataset) converted.set(id, dataset);
  }
  return converted;
}

/** The campaign that an earlier session chose. */
function writtenCampaign(out: string): Campaign | undefined {
  const file = join(out, 'campaign.json');
  return existsSync(file) ? parseJson(readInput(file), campaignSchema, file) : undefined;
}

/** Uploads what is missing, waits for intake, and says what it accepted and rejected. */
async function deliver(
  { context: stores, idle }: Platform,
  { session, display }: Run,
  { sites, tasks, ...left }: Material,
  { signal }: TrainOptions,
): Promise<readonly SiteIntake[]> {
  await uploadSites(stores, sites, {
    signal,
    onUploaded: (site, caseId) => session.emit({ type: 'upload', site, caseId }),
  });
  const intake = await awaitIntake(stores, sites, { idle, signal });
  for (const line of intakeText(intake, tasks, left)) display.say(line);
  return intake;
}

function chosen(intake: readonly SiteIntake[], { tasks }: Material, { seed, quick }: TrainRequest): Campaign {
  const campaign = chooseCampaign({ tasks, sites: intake.map(({ accepted }) => accepted), seed, quick });
  if (campaign) return campaign;
  const first = intake.flatMap(({ rejected }) => rejected)[0];
  throw new FedcardioError('NO_DATA', 'Intake accepted no training CT with a label, so there is nothing to train on.', {
    hint: first ? printable(`Correct the rejected files, such as ${first.key}: ${first.reason}`) : undefined,
  });
}

const uploadedSite = ({ id, name, cases }: Material['sites'][number]): RunSite => ({
  id,
  name,
  training: cases.filter(({ use }) => use === 'training').length,
  evaluation: cases.filter(({ use }) => use === 'evaluation').length,
  labelled: {},
});

/** A site with its accepted cases, which the remaining time is estimated from. */
function acceptedSite({ site: id, accepted }: SiteIntake, { sites, tasks }: Material): RunSite {
  const of = (use: CatalogEntry['use']) => accepted.filter((entry) => entry.use === use);
  return {
    id,
    name: sites.find((site) => site.id === id)?.name ?? id,
    training: of('training').length,
    evaluation: of('evaluation').length,
    labelled: Object.fromEntries(
      tasks.map((task) => [task.id, of('training').filter(({ labels }) => labels[task.id]).length]),
    ),
  };
}

async function finish(
  { context }: Platform,
  run: Run,
  outcome: Outcome,
  {
    material: { federation },
    request: { seed, quick },
    options,
    directory,
  }: {
    readonly material: Material;
    readonly request: TrainRequest;
    readonly options: TrainOptions;
    readonly directory: RunDirectory;
  },
): Promise<void> {
  const { memory, session, display } = run;
  const { report, files } = await writeReport(
    { ...context, federation, campaign: outcome.campaign },
    outcome,
    ({ peakGpuTaskRss }) => ({
      profile: quick ? 'quick' : 'train',
      seed,
      ...runFacts(run, peakGpuTaskRss),
    }),
    options.out,
  );
  directory.save({ finished: true, peakRss: memory.peak() });
  session.close();
  if (options.json) console.log(printableJson(report));
  else if (report.status === 'completed') console.log([...scoreTable(report), '', costLine(report)].join('\n'));
  for (const file of files) display.say(`Written: ${file}`);
  if (quick) display.say('--quick takes a few steps: it shows that everything runs, not what can be learnt.');
}
