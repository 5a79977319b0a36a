import { shownFile, shownKey } from '../federation/case-names.ts';
import { CASE_FOLDERS, type CaseObject, type CaseUse, parseCaseKey, type SiteKey } from '../federation/keys.ts';
import type { Task } from '../federation/tasks.ts';
import { groupBy } from '../group-by.ts';
import { foreignFormatOf } from '../imaging/foreign-formats.ts';
import { nearest } from '../nearest.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { byKey, type Fault, fault } from './faults.ts';

export interface LabelFile {
  readonly info: ObjectInfo<SiteKey>;
  readonly task: Task;
  readonly format: 'class-map' | 'markups';
}

/** The objects of a case, classified by their keys. */
export interface CaseFiles {
  readonly use: CaseUse;
  /** Absent until it is uploaded. */
  readonly image?: ObjectInfo<SiteKey>;
  /** Labels in the image's folder (training or held-out). Markups come first. */
  readonly labels: readonly LabelFile[];
  /** Faults of the objects that do not belong to a case. */
  readonly faults: readonly Fault[];
}

/** An object that is neither an image nor a label. Its name is the part of the key behind the case's folder. */
interface UnknownFile {
  readonly key: SiteKey;
  readonly name: string;
}

type File = CaseObject & { readonly info: ObjectInfo<SiteKey> };

/** Classifies the objects of a case, from both its folders (training and held-out). */
export function classifyFiles(objects: readonly ObjectInfo<SiteKey>[], tasks: readonly Task[]): CaseFiles {
  const files = filesOf(objects);
  const [image, ...others] = imagesOf(files);
  const use = image?.use ?? files[0]?.use ?? 'training';
  const labels = files
    .flatMap(({ part, use: folder, info }): LabelFile[] => {
      const task = part.kind === 'label' && folder === use ? tasks.find(({ id }) => id === part.task) : undefined;
      return part.kind === 'label' && task ? [{ info, task, format: part.format }] : [];
    })
    .sort((a, b) => Number(b.format === 'markups') - Number(a.format === 'markups'));
  const isTask = (id: string) => tasks.some((task) => task.id === id);
  const unknown = files.flatMap(({ part, info: { key } }): UnknownFile[] => {
    if (part.kind === 'unknown') return [{ key, name: part.name }];
    return part.kind === 'label' && !isTask(part.task) ? [{ key, name: key.slice(key.indexOf('labels/')) }] : [];
  });
  // A CT of the same side has a fault of its own, which explains its labels.
  const isMisplaced = ({ part, use: folder }: File) =>
    part.kind === 'label' && isTask(part.task) && folder !== use && !others.some((other) => other.use === folder);
  const faults = [
    ...others.map((other) => extraImageFault(other, image as File)),
    ...(image ? files.filter(isMisplaced).map((label) => otherSideFault(label, image)) : []),
    ...unknownFaults(unknown, tasks),
  ];
  return { use, ...(image ? { image: image.info } : {}), labels, faults };
}

/** The image that a case uses, if it is accepted, of the objects in both its folders. */
export const usedImage = (objects: readonly ObjectInfo<SiteKey>[]): ObjectInfo<SiteKey> | undefined =>
  imagesOf(filesOf(objects))[0]?.info;

const filesOf = (objects: readonly ObjectInfo<SiteKey>[]): readonly File[] =>
  objects.flatMap((info) => {
    const parsed = parseCaseKey(info.key);
    return parsed ? [{ ...parsed, info }] : [];
  });

/** The images of a case. It uses the first. */
const imagesOf = (files: readonly File[]): readonly File[] =>
  files.filter(({ part }) => part.kind === 'image').sort((a, b) => imagePriority(a) - imagePriority(b));

/** Lower is preferred. Held-out comes before training: a case that was uploaded as held-out must not be trained on. */
const imagePriority = ({ use, info }: File): number =>
  (use === 'evaluation' ? 0 : 2) + (info.key.endsWith('.gz') ? 0 : 1);

const OTHER_SIDE =
  'Give each patient a different name. If one was uploaded to both sides by mistake, take it back from one: site withdraw with --use.';

function extraImageFault({ use, info }: File, chosen: File): Fault {
  if (use === chosen.use) {
    const reason = `The case has a second image; ${chosen.info.key} is used.`;
    return fault(info.key, 'BAD_IMAGE', reason, 'Remove one of the two.');
  }
  const reason = 'A training case and a held-out case have the same name; the held-out image is used.';
  return fault(info.key, 'BAD_IMAGE', reason, OTHER_SIDE);
}

/** A label without a CT beside it, of a case whose CT lies on the other side, training or held out. */
function otherSideFault({ use, info: { key } }: File, image: File): Fault {
  const [own, other] = [`${CASE_FOLDERS[use]}/`, `${CASE_FOLDERS[image.use]}/`];
  const reason = `This label lies in ${own}, its CT in ${other}, so it is not used.`;
  const place = shownKey(`${other}${key.slice(own.length)}`);
  const hint = `Put it beside the CT, as ${place}. If it is stored, take it back from ${own}: site withdraw with --file ${shownKey(key)}.`;
  return fault(key, 'BAD_LABEL', reason, hint);
}

/** Faults of files that a case does not have: one for all files of a format, because a DICOM series has hundreds. */
function unknownFaults(files: readonly UnknownFile[], tasks: readonly Task[]): readonly Fault[] {
  const groups = groupBy(files, ({ name }) => {
    if (unknownTaskOf(name, tasks) !== undefined) return name;
    return `${isInLabels(name)} ${foreignFormatOf(name, isInLabels(name))?.one}`;
  });
  return [...groups.values()].map((group) => unknownFault(group.sort(byKey), tasks));
}

/** The fault of files of one format, under the key of the first. */
function unknownFault(files: readonly UnknownFile[], tasks: readonly Task[]): Fault {
  const { key, name } = files[0] as UnknownFile;
  const ids = tasks.map(({ id }) => id).join(', ');
  const task = unknownTaskOf(name, tasks);
  if (task !== undefined) {
    const near = nearest(
      task,
      tasks.map(({ id }) => id),
    );
    const meant = near === undefined ? '' : `Did you mean "${near}"? `;
    return fault(
      key,
      'BAD_LABEL',
      `There is no task "${shownFile(task)}".`,
      `${meant}Name the file after one of ${ids}.`,
    );
  }
  const format = foreignFormatOf(name, isInLabels(name));
  const kind = format && (files.length === 1 ? `it is ${format.one}` : `they are ${format.many}`);
  const last = (files.at(-1) as UnknownFile).name;
  const subject =
    files.length === 1 ? 'This file is' : `These ${files.length} files (${shownPath(name)} to ${shownPath(last)}) are`;
  const code = isInLabels(name) ? 'BAD_LABEL' : format ? 'BAD_IMAGE' : 'BAD_KEY';
  const hint = `A case holds image.nii.gz, labels/<task>.nii.gz and labels/<task>.mrk.json; tasks are ${ids}.`;
  return fault(key, code, `${subject} not expected in a case${kind ? `: ${kind}` : ''}.`, format?.hint ?? hint);
}

const shownPath = (name: string): string => name.split('/').map(shownFile).join('/');

const isInLabels = (name: string): boolean => name.startsWith('labels/');

/** The task that a label file is named after, if the federation does not have it. */
function unknownTaskOf(name: string, tasks: readonly Task[]): string | undefined {
  const named = /^labels\/([^/.]+)\.(?:nii|nii\.gz|mrk\.json|json)$/.exec(name)?.[1];
  return tasks.some(({ id }) => id === named) ? undefined : named;
}
