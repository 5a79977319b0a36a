import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { FedcardioError } from '../../lib/error.ts';
import { type CaseUse, isPassedOver } from '../../lib/federation/keys.ts';
import { taskSchema } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { entriesOf, type FolderEntry } from '../../lib/folder.ts';
import { parseJson, parseValue } from '../../lib/json.ts';
import type { Dataset, DatasetCase, StrayFile } from './dataset.ts';

/** `dataset.json` of nnU-Net 2, and of nnU-Net 1, whose channels are `modality` and whose labels are number to name. */
const datasetSchema = z.object({
  name: z.string().optional(),
  channel_names: z.record(z.string(), z.string()).optional(),
  modality: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.number())])),
  file_ending: z.string().default('.nii.gz'),
});

/**
 * Reads a data set of nnU-Net. Its label maps become one segmentation task: a known one with the same classes, or a new
 * one named after the data set. Images of `imagesTs` with a map in `labelsTs` are held out; without one they are unlabelled
 * training cases.
 *
 * @throws BAD_CONFIGURATION if `dataset.json` or the files do not fit together, with the reason
 */
export function readNnunet(dir: string, tasks: readonly Task[]): Dataset {
  const file = join(dir, 'dataset.json');
  const dataset = parseJson(readFileSync(file), datasetSchema, file);
  const channels = Object.keys(dataset.channel_names ?? dataset.modality ?? { 0: 'CT' });
  if (channels.length !== 1) {
    throw fault(file, `It has ${channels.length} channels per case; fedcardio reads one CT per case.`);
  }
  const ending = dataset.file_ending;
  if (ending !== '.nii.gz' && ending !== '.nii') {
    throw fault(file, `Its files end in "${ending}"; fedcardio reads .nii.gz and .nii.`);
  }
  const classes = classesOf(file, dataset.labels);
  const name = dataset.name ?? basename(resolve(dir)).replace(/^(?:Dataset|Task)\d+_/i, '');
  const known = tasks.find((task) => task.kind === 'segmentation' && task.classes.join() === classes.join());
  const task = known ?? newTask(file, name, classes, tasks);
  const [training, test] = ['Tr', 'Ts'].map((part) => partOf(dir, part, task.id, ending)) as [Part, Part];
  const cases = [...training.cases, ...test.cases.map(heldOutIfLabelled)];
  if (cases.length === 0) throw fault(file, `There is no imagesTr/<case>_0000${ending} beside it.`);
  return { cases, strays: [...training.strays, ...test.strays], tasks: known ? [] : [task] };
}

function newTask(file: string, title: string, classes: readonly string[], known: readonly Task[]): Task {
  const id = slug(title);
  if (known.some((task) => task.id === id)) {
    throw fault(file, `Its name stands for the task "${id}", which has other classes.`, 'Change "name" in the file.');
  }
  const task = { id, kind: 'segmentation', title: title.slice(0, 80), classes };
  return parseValue(task, taskSchema, `The task of ${file}`);
}

function classesOf(file: string, labels: z.infer<typeof datasetSchema>['labels']): readonly string[] {
  const byNumber = new Map<number, string>();
  for (const [key, value] of Object.entries(labels)) {
    if (Array.isArray(value)) {
      throw fault(file, `Its label "${key}" is a region of several values; fedcardio reads one value per class.`);
    }
    // nnU-Net 1 writes {"1": "aorta"}, nnU-Net 2 {"aorta": 1}.
    const [number, name] = typeof value === 'string' ? [Number(key), value] : [value, key];
    if (name !== 'ignore') byNumber.set(number, slug(name));
  }
  const count = byNumber.size - 1;
  const classes = Array.from({ length: count }, (_, index) => byNumber.get(index + 1));
  if (count < 1 || !byNumber.has(0) || classes.some((name) => name === undefined)) {
    throw fault(file, 'Its labels are not background 0 and classes 1, 2, … without a gap.');
  }
  return classes as string[];
}

type Part = Pick<Dataset, 'cases' | 'strays'>;

/** The cases of `imagesTr` with `labelsTr`, or of `imagesTs` with `labelsTs`. Strays are what cannot be read. */
function partOf(dir: string, part: string, task: string, ending: string): Part {
  const suffix = `_0000${ending}`;
  const images = entriesIn(dir, `images${part}`).filter(({ name }) => name.endsWith(suffix));
  const labels = entriesIn(dir, `labels${part}`).filter(({ name }) => name.endsWith(ending));
  const byName = new Map(labels.filter(({ kind }) => kind === 'file').map((label) => [label.name, label]));
  const cases = images
    .filter(({ kind }) => kind === 'file')
    .map(({ name, path }): DatasetCase => {
      const id = name.slice(0, -suffix.length);
      const label = byName.get(`${id}${ending}`);
      const image = { name: `image${ending}`, path };
      // Readers tell a compressed file by its first bytes, not by its name.
      const files = label ? [image, { name: `labels/${task}.nii.gz`, path: label.path }] : [image];
      return { id, use: 'training', files };
    });
  const strays = [...images, ...labels].flatMap((entry): StrayFile[] =>
    entry.kind === 'unusable' ? [{ name: basename(entry.path), path: entry.path, fault: entry.fault }] : [],
  );
  return { cases, strays };
}

const entriesIn = (dir: string, folder: string): readonly FolderEntry[] =>
  existsSync(join(dir, folder)) ? entriesOf(join(dir, folder)).filter(({ name }) => !isPassedOver(name)) : [];

const heldOutIfLabelled = (of: DatasetCase): DatasetCase => ({
  ...of,
  use: (of.files.length > 1 ? 'evaluation' : 'training') satisfies CaseUse,
});

/** A name as an id: lower case, digits and hyphens. */
const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-|-$/g, '') || 'structure';

const FORMAT_HINT =
  'See https://github.com/MIC-DKFZ/nnUNet/blob/master/documentation/dataset_format.md for the format.';

const fault = (file: string, reason: string, hint = FORMAT_HINT): FedcardioError =>
  new FedcardioError('BAD_CONFIGURATION', `${file}: ${reason}`, { hint });
