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
import { writeDocument } from '../lib/storage/documents.ts';
import type { ClassProbabilities } from '../lib/training/decode-prediction.ts';
import { predictTogether } from '../lib/training/infer.ts';
import { pseudoLabelChecks } from '../lib/training/plausibility.ts';
import { encodeSoftLabel, type SoftLabel, softLabelOf } from '../lib/training/soft-labels.ts';
import type { GpuTaskContext } from './context.ts';
import type { GpuTaskResult } from './publish.ts';
import { forEachReadable } from './site-data.ts';
import type { StageInput } from './stage-input.ts';
import { logWithoutHead, preparedFor, type StageEnsemble, withStageModels } from './stage-model.ts';

/**
 * Every teacher labels the training cases without a complete label of its task. The pseudo-labels stay in the site's
 * bucket.
 */
export async function pseudoLabelSite(
  input: StageInput<PseudoLabelStage>,
  context: GpuTaskContext,
): Promise<GpuTaskResult> {
  const { stage, data } = input;
  const entries = await data.catalog('training');
  const figures: Record<string, number> = {};
  const labelled = new Set<string>();
  let done = 0;
  for (const teacher of stage.teachers) {
    await withStageModels(context.federationStore, input, teacher, async (model) => {
      logWithoutHead(context, [teacher].flat().join(', '), model);
      for (const task of model.tasks) {
        const { id } = task;
        const unlabelled = entries.filter(({ labels }) => !labels[id] || !isComplete(task, labels[id].classes));
        for (const entry of unlabelled) labelled.add(entry.case);
        let accepted = 0;
        const unreadable = await forEachReadable(unlabelled, context.log, async (entry) => {
          if (await labelCase(input, model, task, entry)) accepted++;
        });
        figures[`${id}/unlabelled`] = unlabelled.length;
        figures[`${id}/accepted`] = accepted;
        if (unreadable > 0) figures[`${id}/unreadable`] = unreadable;
      }
    });
    context.progress({ done: ++done, total: stage.teachers.length });
  }
  return { samples: Math.max(1, entries.length), figures, cases: { 'pseudo-label': [...labelled] } };
}

/** Writes a pseudo-label and, last, its report. Returns whether the pseudo-label is accepted. */
async function labelCase(
  { stage, at, data }: StageInput<PseudoLabelStage>,
  model: StageEnsemble,
  task: Task,
  entry: CatalogEntry,
): Promise<boolean> {
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
