import { isOfDocument } from '../lib/error.ts';
import { type SiteKey, siteKeys } from '../lib/federation/keys.ts';
import {
  type CatalogEntry,
  type PseudoLabelReport,
  type PseudoLabelStage,
  pseudoLabelReportSchema,
} from '../lib/federation/schemas.ts';
import { isComplete, type Task } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { originLine } from '../lib/imaging/origin.ts';
import type { Landmark } from '../lib/imaging/volume.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { learns, stageOf, tasksOf } from '../lib/protocol/plan.ts';
import { tryReadJson, writeDocument } from '../lib/storage/documents.ts';
import type { ClassProbabilities } from '../lib/training/decode-prediction.ts';
import { predictTogether } from '../lib/training/infer.ts';
import { pseudoLabelChecks } from '../lib/training/plausibility.ts';
import { encodeSoftLabel, type SoftLabel, softLabelOf } from '../lib/training/soft-labels.ts';
import { VERSION } from '../lib/version.ts';
import type { GpuTaskContext } from './context.ts';
import type { GpuTaskResult } from './publish.ts';
import { forEachReadable } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { logWithoutHead, preparedFor, type StageEnsemble, withStageModels } from './stage-model.ts';

/**
 * Every teacher labels the training cases without a complete label of its task. The pseudo-labels stay in the site's
 * bucket. A restarted GPU task keeps those that an earlier run has made of the same.
 */
export async function pseudoLabelSite(
  input: StageInput<PseudoLabelStage>,
  context: GpuTaskContext,
): Promise<GpuTaskResult> {
  const { stage, plan, data } = input;
  const entries = await data.catalog('training');
  const unlabelledFor = (task: Task) =>
    entries.filter(({ labels: { [task.id]: label } }) => !label || !isComplete(task, label.classes));
  const figures: Record<string, number> = {};
  const labelled = new Set<string>();
  const counts = stage.teachers.map((teacher) => {
    const first = stageOf(plan, [teacher].flat()[0] as string);
    const tasks = learns(first) ? tasksOf(plan, first) : [];
    return tasks.reduce((sum, task) => sum + unlabelledFor(task).length, 0);
  });
  const total = counts.reduce((sum, count) => sum + count, 0);
  for (const [index, teacher] of stage.teachers.entries()) {
    let done = counts.slice(0, index).reduce((sum, count) => sum + count, 0);
    await withStageModels(context.federationStore, input, teacher, async (model) => {
      logWithoutHead(context, [teacher].flat().join(', '), model);
      for (const task of model.tasks) {
        const { id } = task;
        const unlabelled = unlabelledFor(task);
        for (const entry of unlabelled) labelled.add(entry.case);
        const made = await madeBefore(input, model, task);
        let accepted = 0;
        let kept = 0;
        const work = async (entry: CatalogEntry) => {
          const before = await made(entry);
          if (before) kept += 1;
          if (before?.accepted ?? (await labelCase(input, model, task, entry))) accepted += 1;
        };
        const onCase = () => context.progress({ done: ++done, total });
        const unreadable = await forEachReadable(unlabelled, context.log, work, onCase);
        if (kept > 0) context.log('resumed', { stage: input.at.stage, task: id, cases: kept });
        figures[`${id}/unlabelled`] = unlabelled.length;
        figures[`${id}/accepted`] = accepted;
        if (unreadable > 0) figures[`${id}/unreadable`] = unreadable;
      }
    });
  }
  return { samples: Math.max(1, entries.length), figures, cases: { 'pseudo-label': [...labelled] } };
}

/**
 * Finds the report of a case's pseudo-label if an earlier run of this stage has made it whole, under the same terms. Costs a listing,
 * and a read for each case that is listed.
 */
async function madeBefore(
  input: StageInput<PseudoLabelStage>,
  model: StageEnsemble,
  { id: task }: Task,
): Promise<(entry: CatalogEntry) => Promise<PseudoLabelReport | undefined>> {
  const { at, data } = input;
  const { store } = data;
  const writtenAt = new Map<SiteKey, number>();
  for await (const { key, lastModified } of store.list(siteKeys.pseudoLabels(at, task))) {
    writtenAt.set(key, lastModified.getTime());
  }
  return async (entry) => {
    const key = siteKeys.pseudoLabelReport(at, task, entry.case);
    // A file that is newer than the report is of a run of other terms that did not come to its own report.
    const isOfReport = (file: SiteKey) => (writtenAt.get(file) ?? Infinity) <= (writtenAt.get(key) ?? -1);
    if (!isOfReport(siteKeys.pseudoLabel(at, task, entry.case))) return undefined;
    const report = await tryReadJson(store, key, pseudoLabelReportSchema).catch((error: unknown) => {
      // It is made again.
      if (isOfDocument(error)) return undefined;
      throw error;
    });
    if (report?.value.terms !== termsOf(input, model, entry)) return undefined;
    const isWhole = !report.value.soft || isOfReport(siteKeys.softLabel(at, task, entry.case));
    return isWhole ? report.value : undefined;
  };
}

/**
 * What a pseudo-label follows from. The plan has filter, overlap, tasks and how a CT is prepared. The hash of a CT is that of its
 * voxels alone, so that its whole entry counts.
 */
const termsOf = (
  { planSha256 }: StageInput<PseudoLabelStage>,
  { sha256, members }: StageEnsemble,
  { image }: CatalogEntry,
): string => {
  const local = members.map(({ localSha256 = null }) => localSha256);
  return sha256Hex(canonicalJson({ plan: planSha256, release: VERSION, teacher: sha256, local, image }));
};

/** Writes a pseudo-label and, last, its report. Returns whether the pseudo-label is accepted. */
async function labelCase(
  input: StageInput<PseudoLabelStage>,
  model: StageEnsemble,
  task: Task,
  entry: CatalogEntry,
): Promise<boolean> {
  const { stage, at, data } = input;
  const members = await preparedFor(data, entry, model);
  const grid = { shape: entry.image.shape, affine: affineOf(entry.image.affine) };
  let soft: SoftLabel | undefined;
  const onProbabilities = (_: string, probabilities: ClassProbabilities) => {
    soft = softLabelOf(probabilities);
  };
  const options = { overlap: stage.overlap, ...(stage.soft && { onProbabilities }) };
  const prediction = (await predictTogether(members, grid, [task], options)).get(task.id);
  if (!prediction) return false;
  const checks = pseudoLabelChecks(task, prediction, stage.filter);
  const report: PseudoLabelReport = {
    schema: 'fedcardio.pseudo-label/1',
    campaign: at.campaign,
    task: task.id,
    case: entry.case,
    image: entry.image.sha256,
    teacher: model.sha256,
    terms: termsOf(input, model, entry),
    confidence: prediction.confidence,
    checks: [...checks],
    accepted: checks.every(({ passed }) => passed),
    ...(prediction.landmarks && { landmarks: prediction.landmarks.map(reportLandmark) }),
    ...(soft?.[0] ? { soft: { affine: soft[0].affine.map((row) => [...row]) } } : {}),
  };
  const write = (key: SiteKey, body: Uint8Array) => data.store.put(key, body);
  const description = originLine({ model: model.sha256, image: entry.image, of: 'voxels' }, 'pseudo-label');
  await write(siteKeys.pseudoLabel(at, task.id, entry.case), writeNifti(prediction.classMap, { description }));
  if (soft) await write(siteKeys.softLabel(at, task.id, entry.case), encodeSoftLabel(soft));
  await writeDocument(data.store, siteKeys.pseudoLabelReport(at, task.id, entry.case), pseudoLabelReportSchema, report);
  return report.accepted;
}

const reportLandmark = ({ label, position }: Landmark) => ({
  label,
  position: position && ([...position] as [number, number, number]),
});
