import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { type CaseUse, type SiteKey, type StageAddress, siteKeys } from '../lib/federation/keys.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type LabelEntry,
  type PseudoLabelReport,
  pseudoLabelReportSchema,
} from '../lib/federation/schemas.ts';
import { usesCase } from '../lib/federation/smoke-test.ts';
import { isComplete, type Task, type TaskId } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { isWithin } from '../lib/imaging/heart-crop.ts';
import { readMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import type { Volume } from '../lib/imaging/volume.ts';
import { canonicalJson } from '../lib/json.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { listDocuments, readJson, tryReadJson } from '../lib/storage/documents.ts';
import {
  boxed,
  bytesOf,
  type CaseSource,
  type Preparation,
  type PreparedImage,
  prepareImage,
  reachesBeyond,
  type Target,
  targetOfClassMap,
} from '../lib/training/cases.ts';
import { decodeSoftLabel } from '../lib/training/soft-labels.ts';
import { isLabelled, type ValidationSplit, validationCases } from '../lib/training/validation-split.ts';
import type { Cache } from './cache.ts';
import type { GpuTaskContext } from './context.ts';

/**
 * A site's cases, read from its bucket and preprocessed for a network. A file that was damaged, replaced or removed since
 * it was cataloged throws `BAD_IMAGE` or `BAD_LABEL`; {@link forEachReadable} skips its case.
 */
export interface SiteData {
  readonly store: SiteStore;
  /**
   * Cataloged cases of a use, sorted by id; `training` without those that the campaign holds back for `validation`. Intake has
   * not counted an entry that cannot be read; it is left out.
   */
  catalog(use: CaseUse | 'validation'): Promise<readonly CatalogEntry[]>;
  /** An uploaded CT in HU. Not cached: it is large and rarely needed twice. */
  image(entry: CatalogEntry): Promise<Volume>;
  prepared(entry: CatalogEntry, how: Preparation): Promise<PreparedImage>;
  /** The hospital's label. */
  label(entry: CatalogEntry, task: Task): Promise<Target | undefined>;
  /**
   * The training target of a case: the hospital's label, or else the accepted pseudo-label of `stage` for this version of
   * the CT. Labels with missing landmarks are not used, because the voxels around a missing landmark are unknown.
   */
  target(entry: CatalogEntry, task: Task, stage: StageAddress | undefined): Promise<TargetSource | undefined>;
}

/** A target that is read on demand, {@link boxed}. */
interface TargetSource {
  /** Present for pseudo-labels. */
  readonly teacher?: { readonly confidence: number };
  read(): Promise<Target>;
}

/**
 * @param campaign the campaign that the data are for: no other campaign than a smoke test sees a smoke test's cases
 * @param split the training cases that the campaign holds back; by default none
 */
export function openSiteData(
  store: SiteStore,
  cache: Cache,
  log: GpuTaskContext['log'],
  campaign: string,
  split?: ValidationSplit,
): SiteData {
  const image = async (entry: CatalogEntry) =>
    readNifti(await readCataloged(store, entry.image, 'BAD_IMAGE'), entry.image.key);
  const readCached = (key: string, read: () => Promise<Target>) =>
    cache.get(`${store.bucket}/${key}`, async () => {
      const value = await read();
      return { value, bytes: bytesOf(value) };
    });

  async function pseudoLabel(entry: CatalogEntry, task: Task, stage: StageAddress): Promise<TargetSource | undefined> {
    const key = siteKeys.pseudoLabelReport(stage, task.id, entry.case);
    const stored = await tryReadJson(store, key, pseudoLabelReportSchema).catch(asBadLabel(key));
    const report = stored?.value;
    if (!report?.accepted || report.image !== entry.image.sha256) return undefined;
    const { confidence, landmarks } = report;
    return {
      teacher: { confidence },
      read: () =>
        readCached(`${key}@${stored?.etag}`, async () => {
          const hard = landmarks
            ? { kind: 'points' as const, points: landmarks }
            : await readLabel(
                store,
                { key: siteKeys.pseudoLabel(stage, task.id, entry.case), format: 'class-map' },
                task,
              );
          return { ...boxed(hard), teacher: { confidence, soft: await softLabel(report, stage) } };
        }),
    };
  }

  async function softLabel({ soft, task, case: id }: PseudoLabelReport, stage: StageAddress) {
    if (!soft) return undefined;
    const key = siteKeys.softLabel(stage, task, id);
    const body = await readCataloged(store, { key }, 'BAD_LABEL');
    try {
      return decodeSoftLabel(body, affineOf(soft.affine));
    } catch (error) {
      return asBadLabel(key)(error);
    }
  }

  async function cataloged(use: CaseUse): Promise<readonly CatalogEntry[]> {
    const entries: CatalogEntry[] = [];
    for await (const { key, etag } of listDocuments(store, siteKeys.catalogPrefix)) {
      const entry = await cache
        .get(`${store.bucket}/${key}@${etag}`, async () => ({
          value: (await readJson(store, key, catalogSchema)).value,
          bytes: 2_000,
        }))
        .catch((error: unknown) => {
          // Withdrawn since it was listed.
          if (isFedcardioError(error, 'NOT_FOUND')) return;
          if (!isFedcardioError(error, 'BAD_MESSAGE')) throw withoutCase(error);
          log('catalog-entry-unreadable', { key, reason: describeError(error) });
        });
      if (entry?.use === use && usesCase(campaign, entry.case)) entries.push(entry);
    }
    return entries;
  }

  return {
    store,
    image,
    async catalog(use) {
      if (use === 'evaluation') return cataloged(use);
      const entries = await cataloged('training');
      const heldBack = split ? validationCases(entries, split) : new Set<string>();
      if (use === 'training') return entries.filter((entry) => !heldBack.has(entry.case));
      return entries.filter((entry) => heldBack.has(entry.case) && split && isLabelled(entry, split.tasks));
    },
    prepared: (entry, { spacing, heartCrop, intensity }) => {
      const how = canonicalJson({ spacing, heartCrop, intensity });
      return cache.get(`${store.bucket}/${entry.image.key}@${entry.image.etag}/${how}`, async () => {
        const value = prepareImage(await image(entry), { spacing, heartCrop, intensity });
        if (heartCrop !== null && !isWithin(value, heartCrop))
          log('heart-not-found', { case: entry.case, ...UNCROPPED });
        return { value, bytes: value.data.byteLength };
      });
    },
    async label(entry, task) {
      const label = entry.labels[task.id];
      return label && readCached(`${label.key}@${label.etag}`, () => readLabel(store, label, task));
    },
    async target(entry, task, stage) {
      const label = entry.labels[task.id];
      if (!label || !isComplete(task, label.classes)) return stage && pseudoLabel(entry, task, stage);
      const read = async () => boxed(await readLabel(store, label, task));
      return { read: () => readCached(`${label.key}@${label.etag}/boxed`, read) };
    },
  };
}

/** The error without the key, whose case must not leave the site, if it is one that the site answers its round with. */
const withoutCase = (error: unknown): unknown =>
  isFedcardioError(error, 'NEWER_SCHEMA')
    ? new FedcardioError('NEWER_SCHEMA', "A document in the site's bucket was written by a newer release.", {
        cause: error,
        hint: error.hint,
      })
    : error;

const UNCROPPED = { reason: 'The whole CT is used: no heart with contrast was found between two lungs.' } as const;

/** Converts a parse error of a GPU task's own stored object to `BAD_LABEL`. */
const asBadLabel =
  (key: string) =>
  (cause: unknown): never => {
    if (!isFedcardioError(cause, 'BAD_MESSAGE') && !isFedcardioError(cause, 'BAD_WEIGHTS')) throw withoutCase(cause);
    throw new FedcardioError('BAD_LABEL', `${key} cannot be read: ${cause.message}`, { cause });
  };

interface CatalogedFile {
  readonly key: SiteKey;
  /** ETag of the cataloged version; absent if any version is accepted. */
  readonly etag?: string;
}

/** Reads the cataloged version only: intake has not examined another one yet. */
async function readCataloged(
  store: SiteStore,
  { key, etag }: CatalogedFile,
  code: 'BAD_IMAGE' | 'BAD_LABEL',
): Promise<Uint8Array> {
  const stored = await store.tryGet(key);
  if (stored && (etag === undefined || stored.etag === etag)) return stored.body;
  throw new FedcardioError(code, `${key} was ${stored ? 'replaced' : 'removed'} since it was cataloged.`, {
    hint: 'The next GPU task uses the case as intake catalogs it then.',
  });
}

async function readLabel(
  store: SiteStore,
  label: CatalogedFile & Pick<LabelEntry, 'format'>,
  task: Task,
): Promise<Target> {
  const body = await readCataloged(store, label, 'BAD_LABEL');
  return label.format === 'markups'
    ? { kind: 'points', points: readMarkups(new TextDecoder().decode(body), task.classes) }
    : targetOfClassMap(task, readNifti(body, label.key));
}

/**
 * Calls `work` for one case after the other. A case whose files are no longer readable as cataloged is skipped and logged
 * at the site.
 *
 * @param onCase is called after each case, skipped or not
 * @returns the number of skipped cases
 */
export async function forEachReadable(
  entries: readonly CatalogEntry[],
  log: GpuTaskContext['log'],
  work: (entry: CatalogEntry) => Promise<void>,
  onCase: () => void,
): Promise<number> {
  let skipped = 0;
  for (const entry of entries) {
    const done = await tryRead(entry, log, () => work(entry).then(() => true));
    if (!done) skipped += 1;
    onCase();
  }
  return skipped;
}

/** The result of `work`, or undefined if the case is no longer readable, which is logged. */
async function tryRead<T>(
  { case: id }: CatalogEntry,
  log: GpuTaskContext['log'],
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_IMAGE') && !isFedcardioError(error, 'BAD_LABEL')) throw error;
    log('case-left-out', { case: id, code: error.code, reason: describeError(error) });
    return undefined;
  }
}

export interface TrainingCases {
  readonly cases: readonly CaseSource[];
  /** Ids of the cases that turned out to be unreadable so far. */
  readonly unreadable: ReadonlySet<string>;
}

/**
 * The site's training cases for a stage: with the hospital's labels and, for missing ones, the pseudo-labels of stage
 * `pseudoLabels` if given. Cases without any target are skipped. CTs and labels are read on demand.
 *
 * @throws FedcardioError `NO_DATA` if there is no case
 */
export async function trainingCases(
  data: SiteData,
  tasks: readonly Task[],
  how: Preparation,
  pseudoLabels: StageAddress | undefined,
  log: GpuTaskContext['log'],
): Promise<TrainingCases> {
  const found = await casesWithTargets(data, 'training', tasks, how, pseudoLabels, log);
  if (found.cases.length > 0) return found;
  throw new FedcardioError(
    'NO_DATA',
    `${data.store.bucket} has no training case with a complete label for ${tasks.map(({ id }) => id).join(' or ')}.`,
    { hint: 'Labels are at cases/<case>/labels/<task>.nii.gz.' },
  );
}

/** The site's validation cases with the hospital's labels of some tasks; none if the site holds no such case back. */
export const casesForValidation = async (
  data: SiteData,
  tasks: readonly Task[],
  how: Preparation,
  log: GpuTaskContext['log'],
): Promise<readonly CaseSource[]> => (await casesWithTargets(data, 'validation', tasks, how, undefined, log)).cases;

/** The site's held-out cases with the hospital's labels of some tasks. Nothing is trained on them that leaves the site. */
export const heldOutCases = async (
  data: SiteData,
  tasks: readonly Task[],
  how: Preparation,
  log: GpuTaskContext['log'],
): Promise<readonly CaseSource[]> => (await casesWithTargets(data, 'evaluation', tasks, how, undefined, log)).cases;

async function casesWithTargets(
  data: SiteData,
  use: CaseUse | 'validation',
  tasks: readonly Task[],
  how: Preparation,
  pseudoLabels: StageAddress | undefined,
  log: GpuTaskContext['log'],
): Promise<TrainingCases> {
  const cases: CaseSource[] = [];
  const unreadable = new Set<string>();
  const attempt = async <T>(entry: CatalogEntry, work: () => Promise<T>): Promise<T | undefined> => {
    if (unreadable.has(entry.case)) return undefined;
    const done = await tryRead(entry, log, work);
    if (done === undefined) unreadable.add(entry.case);
    return done;
  };
  for (const entry of await data.catalog(use)) {
    const targets = await attempt(entry, () => targetsOf(data, entry, tasks, pseudoLabels));
    if (!targets || targets.size === 0) continue;
    const load = async () => {
      const read = new Map<TaskId, Target>();
      for (const [task, target] of targets) read.set(task, await target.read());
      return { id: entry.case, image: await preparedAround(data, entry, how, read, log), targets: read };
    };
    cases.push({ id: entry.case, targets, load: () => attempt(entry, load) });
  }
  return { cases, unreadable };
}

/** The CT with the crop that was asked for, or whole if the crop would cut off a part of a target. */
async function preparedAround(
  data: SiteData,
  entry: CatalogEntry,
  how: Preparation,
  targets: ReadonlyMap<TaskId, Target>,
  log: GpuTaskContext['log'],
): Promise<PreparedImage> {
  const image = await data.prepared(entry, how);
  if (how.heartCrop === null) return image;
  const beyond = [...targets].flatMap(([task, target]) => (reachesBeyond(target, image) ? [task] : []));
  if (beyond.length === 0) return image;
  const reason = 'The whole CT is used: the crop to the heart does not contain all of the label.';
  log('label-beyond-crop', { case: entry.case, tasks: beyond, reason });
  return data.prepared(entry, { ...how, heartCrop: null });
}

async function targetsOf(
  data: SiteData,
  entry: CatalogEntry,
  tasks: readonly Task[],
  pseudoLabels: StageAddress | undefined,
): Promise<ReadonlyMap<TaskId, TargetSource>> {
  const targets = new Map<TaskId, TargetSource>();
  for (const task of tasks) {
    const target = await data.target(entry, task, pseudoLabels);
    if (target) targets.set(task.id, target);
  }
  return targets;
}
