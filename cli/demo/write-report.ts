import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trainedModel } from '../../gpu-tasks/stage-model.ts';
import type { Federation, Outcome } from '../../lib/federation/schemas.ts';
import { encodePackage } from '../../lib/models/package.ts';
import { definitionsOf } from '../../lib/protocol/plan.ts';
import type { GalleryCase } from '../../lib/report/gallery.ts';
import type { Report, StageReport } from '../../lib/report/report.ts';
import { reportPage } from '../../lib/report/report-page.ts';
import { landmarksByRole, modelMetrics, scoresByRole } from '../../lib/report/scores-by-role.ts';
import type { Stores } from '../../lib/storage/contract.ts';
import { VERSION } from '../../lib/version.ts';
import { type CampaignRecord, collectCampaign } from './collect.ts';
import { STUDENT_MODEL, STUDENT_STAGE } from './demo-campaign.ts';
import { readGalleryCase } from './gallery-case.ts';

/** Facts of a run that the buckets do not hold. */
export type RunFacts = Pick<
  Report,
  'profile' | 'seed' | 'wallSeconds' | 'peakRssMB' | 'peakRssOf' | 'timeline' | 'createdAt'
>;

/**
 * Writes `report.json`, `report.html`, the student as a model package, and the predictions of one case per site.
 *
 * @returns the report, and the paths of all files in the order of writing
 */
export async function writeReport(
  place: Stores & { readonly federation: Federation; readonly campaign: string },
  outcome: Outcome,
  factsOf: (record: CampaignRecord) => RunFacts,
  out: string,
): Promise<{ readonly report: Report; readonly files: readonly string[] }> {
  const record = await collectCampaign(place);
  const pictures: GalleryCase[] = [];
  const files: string[] = [];
  const write = (name: string, body: Uint8Array | string) => {
    const file = join(out, name);
    writeFileSync(file, body);
    files.push(file);
  };

  mkdirSync(join(out, 'predictions'), { recursive: true });
  for (const site of place.federation.sites) {
    const found = await readGalleryCase({ ...place, tasks: definitionsOf(record.plan), model: STUDENT_MODEL }, site);
    if (!found) continue;
    pictures.push(found.picture);
    for (const { caseId, task, body } of found.files) write(`predictions/${site.id}-${caseId}-${task.id}.nii.gz`, body);
  }
  const student = await studentPackage(place, record.stages);
  if (student) write('student.safetensors', student);

  const report = reportOf(place.campaign, outcome, record, factsOf(record));
  write('report.json', `${JSON.stringify(report, null, 2)}\n`);
  write('report.html', reportPage(report, pictures));
  return { report, files };
}

function reportOf(campaign: string, outcome: Outcome, record: CampaignRecord, facts: RunFacts): Report {
  const { stages } = record.plan.campaign;
  const scores = scoresByRole(stages, [...record.scores.values()].flat());
  const bySite = [...record.scores].map(([site, own]) => [site, modelMetrics(scoresByRole(stages, own))] as const);
  return {
    schema: 'fedcardio.report/1',
    campaign,
    status: outcome.status,
    ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
    backend: record.backends.join(', ') || 'unknown',
    ...facts,
    tasks: definitionsOf(record.plan),
    sites: record.sites,
    stages: record.stages,
    rejected: record.rejected,
    metrics: modelMetrics(scores),
    landmarks: landmarksByRole(scores),
    bySite: Object.fromEntries(bySite),
  };
}

/** The student of its last round as a model package. The demo trains on phantoms alone. */
async function studentPackage(
  { federationStore, campaign }: Pick<Stores, 'federationStore'> & { readonly campaign: string },
  stages: readonly StageReport[],
): Promise<Uint8Array | undefined> {
  const last = stages.find(({ name }) => name === STUDENT_STAGE)?.commits.at(-1);
  if (!last) return undefined;
  const trained = await trainedModel(federationStore, campaign, STUDENT_STAGE, last.round);
  return encodePackage({ ...trained, trainedOnPhantoms: true }, VERSION);
}
