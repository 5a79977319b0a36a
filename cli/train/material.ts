import { realpathSync } from 'node:fs';
import { FedcardioError } from '../../lib/error.ts';
import { isRefusedName, patientOf } from '../../lib/federation/case-names.ts';
import { CASE_FOLDERS } from '../../lib/federation/keys.ts';
import {
  type Campaign,
  campaignSchema,
  type Federation,
  federationSchema,
  kindOf,
} from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS, type Task, type TaskId, taskOf } from '../../lib/federation/tasks.ts';
import { parseJson, parseValue } from '../../lib/json.ts';
import { nearest } from '../../lib/nearest.ts';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import { type Dataset, type DatasetCase, isImage, labelledTasks } from '../datasets/dataset.ts';
import { readDataset } from '../datasets/read-dataset.ts';
import { dealOut, patientsOnBothSides, withHeldOut } from '../datasets/split.ts';
import { readInput } from '../read-input.ts';
import type { TrainRequest } from './request.ts';

export interface TrainingSite {
  readonly id: string;
  readonly name: string;
  readonly cases: readonly DatasetCase[];
}

/** All that a run starts from. No CT and no label has been read yet. */
export interface Material {
  readonly federation: Federation;
  readonly tasks: readonly Task[];
  readonly sites: readonly TrainingSite[];
  /** Folders of cases that have no CT and are left out, such as "bonn/p007". */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** Patients with training cases and held-out ones, which the folders divide so. */
  readonly onBothSides: readonly string[];
  /** The researcher's own campaign. */
  readonly campaign: Campaign | undefined;
}

/**
 * Reads the folders of the sites and holds cases out.
 *
 * @param converted what was read already, by site: cases whose CTs are DICOM
 * @param say is told what cannot be read and is left out
 * @throws BAD_CONFIGURATION for what would make the run fail or useless: a folder without CTs, two sites with one name or
 *   folder, no labels to train on, too few cases, or a campaign with a task that no folder has labels of
 */
export function readMaterial(
  request: TrainRequest,
  converted: ReadonlyMap<string, Dataset> = new Map(),
  say: (line: string) => void = () => undefined,
): Material {
  const given = request.federation === null ? undefined : readFederation(request.federation);
  requireDistinct(request.sites);
  const known = given?.tasks ?? DEFAULT_TASKS;
  const read = request.sites.map(({ id, dir }) => ({ id, dir, ...(converted.get(id) ?? readDataset(dir, known)) }));
  for (const { id, strays } of read) {
    for (const { name, fault } of strays) if (fault) say(printable(`${id}/${name}: ${fault.reason} ${fault.hint}`));
  }
  const leftOut = read.flatMap(({ id, cases }) =>
    cases.filter((one) => !hasImage(one)).map((one) => ({ name: `${id}/${one.id}`, reason: reasonOf(one, cases) })),
  );
  const tasks = [...known, ...newTasks(read)];
  const ids = new Set(tasks.map(({ id }) => id));
  // Intake rejects labels of other tasks, and cases whose names look like a patient's.
  const scorable = (one: DatasetCase) =>
    isRefusedName(one.id) ? [] : labelledTasks(one).filter((task) => ids.has(task));
  const split = read.map(({ id, cases }) => ({
    id,
    cases: withHeldOut(cases.filter(hasImage), request.heldOut, request.seed, scorable),
  }));
  const nameOf = (id: string) => given?.sites.find((site) => site.id === id)?.name ?? titleOf(id);
  const sites = dealtOut(split, request).map(({ id, cases }) => ({ id, name: nameOf(id), cases }));
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: given?.id ?? 'fedcardio',
    ...(given?.minSites === undefined ? {} : { minSites: given.minSites }),
    ...(tasks.length > known.length || given?.tasks ? { tasks } : {}),
    sites: sites.map(({ id, name }) => ({ id, name })),
  };
  requireLabels(sites, tasks);
  const material = {
    federation: parseValue(federation, federationSchema, 'The federation of these sites'),
    tasks,
    sites,
    leftOut,
    onBothSides: patientsOnBothSides(sites.flatMap(({ cases }) => cases)),
    campaign: request.campaign === null ? undefined : readCampaign(request.campaign),
  };
  if (material.campaign) requireFits(material.campaign, material);
  return material;
}

const readFederation = (file: string) => parseJson(readInput(file), federationSchema, file);
const readCampaign = (file: string) => parseJson(readInput(file), campaignSchema, file);

const hasImage = ({ files }: DatasetCase): boolean => files.some(isImage);

function reasonOf({ id, use }: DatasetCase, all: readonly DatasetCase[]): string {
  const withImage = all.find((other) => other.id === id && hasImage(other));
  if (!withImage) return 'it has no image.nii.gz';
  const [own, other] = [CASE_FOLDERS[use], CASE_FOLDERS[withImage.use]];
  return `its labels lie in ${own}/, its CT in ${other}/; put them into one folder`;
}

const titleOf = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1);

function requireDistinct(sites: TrainRequest['sites']): void {
  sites.forEach(({ id, dir }, index) => {
    const earlier = sites.slice(0, index);
    if (earlier.some((site) => site.id === id)) {
      throw fault(`Two sites have the name "${id}".`, 'Give each --site its own name.');
    }
    const same = earlier.find((site) => pathOf(site.dir) === pathOf(dir));
    if (same) {
      const hint = 'Give each --site its own folder, or deal one folder out with --simulate-sites.';
      throw fault(`The sites ${same.id} and ${id} have the same folder, ${dir}.`, hint);
    }
  });
}

function pathOf(dir: string): string {
  try {
    return realpathSync(dir);
  } catch {
    return dir;
  }
}

/** The tasks that folders define, each once. */
function newTasks(read: readonly { readonly dir: string; readonly tasks: readonly Task[] }[]): readonly Task[] {
  const found = new Map<TaskId, { readonly dir: string; readonly task: Task }>();
  for (const { dir, tasks } of read) {
    for (const task of tasks) {
      const first = found.get(task.id);
      if (first && first.task.classes.join() !== task.classes.join()) {
        const classes = `${first.task.classes.join(', ')} and ${task.classes.join(', ')}`;
        const hint = 'Give one of the data sets another name, or both the same labels, in dataset.json.';
        throw fault(`${first.dir} and ${dir} define the task "${task.id}" with different classes: ${classes}.`, hint);
      }
      if (!first) found.set(task.id, { dir, task });
    }
  }
  return [...found.values()].map(({ task }) => task);
}

type Dealt = Pick<TrainingSite, 'id' | 'cases'>;

function dealtOut(sites: readonly Dealt[], { simulateSites, seed }: TrainRequest): readonly Dealt[] {
  if (simulateSites === null) return sites;
  const [only] = sites;
  if (!only || sites.length > 1) {
    throw fault(
      `--simulate-sites deals one folder out to sites; ${sites.length} were given.`,
      'Give one --site, such as --site all=DIR.',
    );
  }
  const training = only.cases.filter(({ use }) => use === 'training').map((one) => one.id);
  const patients = new Set(training.map(patientOf)).size;
  if (patients < simulateSites) {
    const of =
      patients < training.length
        ? `Training CTs of ${counted(patients, 'patient')}`
        : `${training.length} training CTs`;
    throw fault(`${of} are too few for ${simulateSites} sites.`, `Choose at most --simulate-sites ${patients}.`);
  }
  return dealOut(only.cases, simulateSites, seed).map((cases, index) => ({ id: `${only.id}-${index + 1}`, cases }));
}

function requireLabels(sites: readonly TrainingSite[], tasks: readonly Task[]): void {
  const ids = tasks.map(({ id }) => id);
  if (tasksInTraining(sites).some((task) => ids.includes(task))) return;
  const found = [...new Set(sites.flatMap(({ cases }) => cases.flatMap(labelledTasks)))];
  const unknown = found.filter((task) => !ids.includes(task));
  if (unknown.length > 0) {
    throw fault(
      `No label is of a known task: found ${unknown.join(', ')}; known are ${ids.join(', ')}.`,
      'Rename the files, or declare the task in "tasks" of a federation.json and give it with --federation.',
    );
  }
  if (found.length > 0) throw fault('All labelled cases are held out.', 'Move some to cases/, to train on them.');
  throw fault(
    'No case has a label, so there is nothing to train on.',
    `Add <case>/labels/<task>.nii.gz or .mrk.json to some cases. Tasks are ${ids.join(', ')}.`,
  );
}

/** Tasks with at least one training label in some folder. */
const tasksInTraining = (sites: readonly TrainingSite[]): readonly TaskId[] => [
  ...new Set(
    sites.flatMap(({ cases }) => cases.filter(({ use }) => use === 'training').flatMap((one) => labelledTasks(one))),
  ),
];

/** Requires that the folders have what a campaign names. */
function requireFits(campaign: Campaign, { tasks, sites }: Pick<Material, 'tasks' | 'sites'>): void {
  const labelled = tasksInTraining(sites);
  for (const stage of campaign.stages) {
    for (const id of kindOf(stage).tasks(stage)) {
      taskOf(tasks, id);
      if (labelled.includes(id)) continue;
      throw fault(
        `Stage ${stage.name} learns "${id}", and no folder has training labels of it.`,
        `There are labels of ${labelled.join(', ')}.`,
      );
    }
    const ids = sites.map(({ id }) => id);
    const unknown = stage.sites?.find((id) => !ids.includes(id));
    if (unknown === undefined) continue;
    const near = nearest(unknown, ids);
    throw fault(
      `Stage ${stage.name} names the site "${unknown}", which has no folder.`,
      near === undefined ? `Sites are ${ids.join(', ')}.` : `Did you mean "${near}"?`,
    );
  }
}

const fault = (message: string, hint: string): FedcardioError =>
  new FedcardioError('BAD_CONFIGURATION', message, { hint });
