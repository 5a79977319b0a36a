import { describeError, FedcardioError, isFedcardioError } from '../../../lib/error.ts';
import { parseCaseKey, type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import { pseudoLabelReportSchema } from '../../../lib/federation/schemas.ts';
import { classTitle, type Task } from '../../../lib/federation/tasks.ts';
import { groupBy } from '../../../lib/group-by.ts';
import { decodeLandmarks, landmarksOfClassMap } from '../../../lib/imaging/landmarks.ts';
import { readMarkups } from '../../../lib/imaging/markups.ts';
import { readNifti } from '../../../lib/imaging/nifti-read.ts';
import type { Landmark } from '../../../lib/imaging/volume.ts';
import { foregroundVolume } from '../../../lib/scoring/foreground-volume.ts';
import { type MeasuredTask, measure } from '../../../lib/scoring/measurements.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { readJson } from '../../../lib/storage/documents.ts';
import type { Finding, PointSet } from '../../../page/api/hospital/case.ts';

/** Longest class map and longest file of points that are read as a whole, bytes as stored. */
const MAX_MAP = 64 * 1024 * 1024;
const MAX_POINTS = 1024 * 1024;

/** The landmarks of a case by where they come from, and what they measure. */
export async function pointSets(
  store: SiteStore,
  caseId: string,
  findings: readonly Finding[],
  tasks: readonly Task[],
): Promise<PointSet[]> {
  const groups = groupBy(findings, ({ from, origin }) => JSON.stringify([from, origin]));
  const sets: PointSet[] = [];
  for (const group of groups.values()) {
    const { from, origin } = group[0] as Finding;
    const measured: MeasuredTask[] = [];
    const unreadable: string[] = [];
    // One after the other: a class map has as many voxels as a CT.
    for (const finding of group) {
      const task = tasks.find(({ id }) => id === finding.task);
      if (!task || (task.kind !== 'landmarks' && !task.reportsVolume)) continue;
      try {
        measured.push(await measuredTask(store, caseId, finding, task));
      } catch (error) {
        if (!isFedcardioError(error)) throw error;
        unreadable.push(`${finding.title}: ${describeError(error)}`);
      }
    }
    if (measured.length === 0 && unreadable.length === 0) continue;
    const { measurements } = measure(measured);
    sets.push({
      from,
      ...(origin && { origin }),
      points: measured.flatMap(pointsOf),
      measurements: measurements.map((one) => ({ ...one, doubts: [...one.doubts] })),
      unreadable,
    });
  }
  return sets;
}

async function measuredTask(store: SiteStore, caseId: string, finding: Finding, task: Task): Promise<MeasuredTask> {
  if (task.kind === 'segmentation') {
    const volumeMm3 = foregroundVolume(await readMap(store, finding.volume as SiteKey));
    return { task, volumeMm3, doubts: [] };
  }
  const landmarks = await landmarksOf(store, caseId, finding, task);
  const byName = Object.fromEntries(landmarks.map(({ label, position }) => [task.classes[label - 1] ?? '', position]));
  return { task, landmarks: byName, doubts: [] };
}

async function landmarksOf(
  store: SiteStore,
  caseId: string,
  { id, from, origin, volume }: Finding,
  { id: taskId, classes }: Task,
): Promise<readonly Landmark[]> {
  if (from === 'pseudo-label' && origin) {
    const key = siteKeys.pseudoLabelReport(origin, taskId, caseId);
    return (await readJson(store, key, pseudoLabelReportSchema)).value.landmarks ?? [];
  }
  if (volume === undefined) {
    const key = siteKeys.ofEvent(id.slice('label/'.length));
    await requireShort(store, key, MAX_POINTS);
    return readMarkups(new TextDecoder().decode((await store.get(key)).body), classes);
  }
  const map = await readMap(store, volume as SiteKey);
  return from === 'label' ? landmarksOfClassMap(map, classes.length) : decodeLandmarks(map, classes.length);
}

async function readMap(store: SiteStore, key: SiteKey) {
  await requireShort(store, key, MAX_MAP);
  return readNifti((await store.get(key)).body, parseCaseKey(key)?.caseId ?? 'The class map');
}

async function requireShort(store: SiteStore, key: SiteKey, most: number): Promise<void> {
  const bytes = (await store.head(key))?.bytes ?? 0;
  if (bytes > most) throw new FedcardioError('BAD_LABEL', `It has ${bytes} bytes, ${most} are read here.`);
}

const pointsOf = ({ task, landmarks = {} }: MeasuredTask) =>
  Object.entries(landmarks).map(([name, position]) => {
    const label = (task as Task).classes.indexOf(name) + 1;
    const title = classTitle(task as Task, label);
    return { task: task.id, label, title, position: position as [number, number, number] | null };
  });
