import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { trainedModel } from '../../gpu-tasks/stage-model.ts';
import { isFedcardioError, systemError } from '../../lib/error.ts';
import type { EvaluateStage, Stage } from '../../lib/federation/schemas.ts';
import { encodePackage } from '../../lib/models/package.ts';
import { definitionsOf } from '../../lib/protocol/plan.ts';
import { roundMetricsLines, roundsCsv, scoresCsv } from '../../lib/report/csv.ts';
import type { GalleryCase } from '../../lib/report/gallery.ts';
import type { Report } from '../../lib/report/report.ts';
import { reportPage } from '../../lib/report/report-page.ts';
import { VERSION } from '../../lib/version.ts';
import { type CampaignRecord, collectCampaign, type ReportPlace } from './collect.ts';
import { readGalleryCase } from './gallery-case.ts';
import { ifReadable } from './readable.ts';
import { type ReportedEnd, type RunFacts, reportOf } from './report-of.ts';

interface WriteOptions {
  /** Whether the model with predictions is written as well; true by default. */
  readonly weights?: boolean;
  /** Whether it was trained on phantoms alone, which its package then says. */
  readonly trainedOnPhantoms?: boolean;
}

/**
 * Writes the report of any campaign: `report.json`, `report.html`, `scores.csv`, `rounds.csv` and `round_metrics.jsonl`; the
 * predictions of one case per site whose bucket may be read; and the model that made them, as a package. Without
 * predictions it is the model of the last student, or else of the last teacher.
 *
 * @returns the report, and the paths of all files in the order of writing; the last is the page
 * @throws FedcardioError `NOT_FOUND` if the campaign has no plan
 */
export async function writeReport(
  place: ReportPlace,
  end: ReportedEnd,
  factsOf: (record: CampaignRecord) => RunFacts,
  out: string,
  options: WriteOptions = {},
): Promise<{ readonly report: Report; readonly files: readonly string[] }> {
  const record = await collectCampaign(place);
  const pictures: GalleryCase[] = [];
  const files: string[] = [];
  const write = (name: string, body: Uint8Array | string) => {
    const file = join(out, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    } catch (error) {
      throw systemError(error, file) ?? error;
    }
    files.push(file);
  };

  const shown = shownModel(record.plan.campaign.stages);
  for (const site of shown ? place.federation.sites : []) {
    const at = { ...place, tasks: definitionsOf(record.plan), model: shown?.model ?? '' };
    const found = await ifReadable(() => readGalleryCase(at, site));
    if (!found) continue;
    pictures.push(found.picture);
    for (const { caseId, task, body } of found.files) write(`predictions/${site.id}-${caseId}-${task.id}.nii.gz`, body);
  }
  const written = shown ?? lastModel(record.plan.campaign.stages);
  for (const { model, stage } of written && options.weights !== false ? packagesOf(written) : []) {
    const file = await finalModel(place, record, stage, options);
    if (file) write(`${model.replaceAll('/', '-')}.safetensors`, file);
  }

  const report = reportOf(place.campaign, end, record, factsOf(record));
  write('report.json', `${JSON.stringify(report, null, 2)}\n`);
  write('scores.csv', scoresCsv(report));
  write('rounds.csv', roundsCsv(report));
  write('round_metrics.jsonl', roundMetricsLines(report));
  write('report.html', reportPage(report, pictures));
  return { report, files };
}

/** A model's name in the report, and the stage or the stages of an ensemble that trained it. */
interface NamedModel {
  readonly model: string;
  readonly stage: string | readonly string[];
}

/** The packages to write: an ensemble is one for each stage, with the stage's name. */
const packagesOf = ({ model, stage }: NamedModel): readonly { readonly model: string; readonly stage: string }[] =>
  typeof stage === 'string' ? [{ model, stage }] : stage.map((name) => ({ model: name, stage: name }));

/** The model of the last student; without one, of the last teacher. */
function lastModel(stages: readonly Stage[]): NamedModel | undefined {
  const named = (kind: Stage['kind']) => stages.findLast((stage) => stage.kind === kind)?.name;
  const stage = named('student') ?? named('teacher');
  return stage === undefined ? undefined : { model: stage, stage };
}

/** The model whose predictions the sites keep; undefined if there is none. */
function shownModel(stages: readonly Stage[]): NamedModel | undefined {
  const evaluations = stages.filter((stage): stage is EvaluateStage => stage.kind === 'evaluate');
  return evaluations.flatMap(({ predictions: model, models }) => {
    const stage = model === undefined ? undefined : models[model];
    return model === undefined || stage === undefined ? [] : [{ model, stage }];
  })[0];
}

/** A stage's model after its last round, as a model package; undefined if its heads stay at the sites. */
async function finalModel(
  { federationStore, campaign }: ReportPlace,
  { stages }: CampaignRecord,
  stage: string,
  { trainedOnPhantoms }: WriteOptions,
): Promise<Uint8Array | undefined> {
  const last = stages.find(({ name }) => name === stage)?.commits.at(-1);
  if (!last) return undefined;
  const trained = await trainedModel(federationStore, campaign, stage, last.round).catch((error) => {
    if (isFedcardioError(error, 'BAD_CONFIGURATION')) return undefined;
    throw error;
  });
  return trained && encodePackage({ ...trained, ...(trainedOnPhantoms && { trainedOnPhantoms }) }, VERSION);
}
