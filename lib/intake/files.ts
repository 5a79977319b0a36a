import { type CaseObject, type CaseUse, parseCaseKey, type SiteKey } from '../federation/keys.ts';
import { isTaskId, TASK_IDS, type TaskId } from '../federation/tasks.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { type Fault, fault } from './faults.ts';

export interface LabelFile {
  readonly info: ObjectInfo<SiteKey>;
  readonly task: TaskId;
  readonly format: 'class-map' | 'markups';
}

/** The objects of a case, sorted out by their keys alone. */
export interface CaseFiles {
  readonly use: CaseUse;
  /** Absent until it is uploaded. */
  readonly image?: ObjectInfo<SiteKey>;
  /** Of the image's folder; where there are two of a task, the markups come first. */
  readonly labels: readonly LabelFile[];
  /** What does not belong there. */
  readonly faults: readonly Fault[];
}

type File = CaseObject & { readonly info: ObjectInfo<SiteKey> };

/** Sorts the objects of a case, whichever of the folders they are in. */
export function sortFiles(objects: readonly ObjectInfo<SiteKey>[]): CaseFiles {
  const files = objects.flatMap((info): File[] => {
    const parsed = parseCaseKey(info.key);
    // S3 consoles make empty objects for folders.
    return parsed && !info.key.endsWith('/') ? [{ ...parsed, info }] : [];
  });
  const [image, ...others] = files.filter(({ part }) => part.kind === 'image').sort((a, b) => rank(a) - rank(b));
  const use = image?.use ?? files[0]?.use ?? 'training';
  const labels = files
    .flatMap(({ part, info, use: of }): LabelFile[] => (part.kind === 'label' && of === use ? [{ ...part, info }] : []))
    .sort((a, b) => Number(b.format === 'markups') - Number(a.format === 'markups'));
  const unknown = files.flatMap(({ part, info }) =>
    part.kind === 'unknown' ? [unknownFault(info.key, part.name)] : [],
  );
  const faults = [...others.map((other) => secondImage(other, image as File)), ...unknown];
  return { use, ...(image ? { image: image.info } : {}), labels, faults };
}

/** Held out before training: nothing is learnt from a case that one of its uploads wanted kept aside. */
const rank = ({ use, info }: File): number => (use === 'evaluation' ? 0 : 2) + (info.key.endsWith('.gz') ? 0 : 1);

function secondImage({ use, info }: File, chosen: File): Fault {
  if (use === chosen.use) {
    const reason = `The case has a second image; ${chosen.info.key} is used.`;
    return fault(info.key, 'BAD_IMAGE', reason, 'Remove one of the two.');
  }
  const reason = 'A training case and a held-out one have the same name; it is held out.';
  return fault(info.key, 'BAD_IMAGE', reason, 'Give every patient a name of their own.');
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
