import { type CaseObject, type CaseUse, parseCaseKey, type SiteKey } from '../federation/keys.ts';
import { isTaskId, TASK_IDS, type TaskId } from '../federation/tasks.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { type Fault, fault } from './faults.ts';

export interface LabelFile {
  readonly info: ObjectInfo<SiteKey>;
  readonly task: TaskId;
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

type File = CaseObject & { readonly info: ObjectInfo<SiteKey> };

/** Classifies the objects of a case, from both its folders (training and held-out). */
export function classifyFiles(objects: readonly ObjectInfo<SiteKey>[]): CaseFiles {
  const files = objects.flatMap((info): File[] => {
    const parsed = parseCaseKey(info.key);
    return parsed ? [{ ...parsed, info }] : [];
  });
  const [image, ...others] = files
    .filter(({ part }) => part.kind === 'image')
    .sort((a, b) => imagePriority(a) - imagePriority(b));
  const use = image?.use ?? files[0]?.use ?? 'training';
  const labels = files
    .flatMap((file): LabelFile[] =>
      file.part.kind === 'label' && file.use === use ? [{ ...file.part, info: file.info }] : [],
    )
    .sort((a, b) => Number(b.format === 'markups') - Number(a.format === 'markups'));
  const unknown = files.flatMap(({ part, info }) =>
    part.kind === 'unknown' ? [unknownFault(info.key, part.name)] : [],
  );
  const faults = [...others.map((other) => extraImageFault(other, image as File)), ...unknown];
  return { use, ...(image ? { image: image.info } : {}), labels, faults };
}

/** Lower is preferred. Held-out comes before training: a case that was uploaded as held-out must not be trained on. */
const imagePriority = ({ use, info }: File): number =>
  (use === 'evaluation' ? 0 : 2) + (info.key.endsWith('.gz') ? 0 : 1);

function extraImageFault({ use, info }: File, chosen: File): Fault {
  if (use === chosen.use) {
    const reason = `The case has a second image; ${chosen.info.key} is used.`;
    return fault(info.key, 'BAD_IMAGE', reason, 'Remove one of the two.');
  }
  const reason = 'A training case and a held-out case have the same name; the held-out image is used.';
  return fault(info.key, 'BAD_IMAGE', reason, 'Give each patient a different name.');
}

function unknownFault(key: SiteKey, name: string): Fault {
  const tasks = TASK_IDS.join(', ');
  const [, label] = /^labels\/([^/.]+)\.(?:nii|nii\.gz|mrk\.json|json)$/.exec(name) ?? [];
  if (label !== undefined && !isTaskId(label)) {
    return fault(key, 'BAD_LABEL', `There is no task "${label}".`, `Name the file after one of ${tasks}.`);
  }
  return fault(
    key,
    label === undefined ? 'BAD_KEY' : 'BAD_LABEL',
    'This file is not expected in a case.',
    `A case holds image.nii.gz, labels/<task>.nii.gz and labels/<task>.mrk.json; tasks are ${tasks}.`,
  );
}
