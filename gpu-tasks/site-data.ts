import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { type CaseUse, type SiteKey, type StageAddress, siteKeys } from '../lib/federation/keys.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type LabelEntry,
  type PseudoLabelReport,
  pseudoLabelReportSchema,
} from '../lib/federation/schemas.ts';
import { isComplete, TASKS, type TaskId } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { readMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import type { Volume } from '../lib/imaging/volume.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { readJson, tryReadJson } from '../lib/storage/documents.ts';
import {
  boxed,
  bytesOf,
  type CaseSource,
  type Preparation,
  prepareImage,
  type Target,
  targetOfClassMap,
} from '../lib/training/cases.ts';
import { decodeSoftLabel } from '../lib/training/soft-labels.ts';
import type { Cache } from './cache.ts';
import type { GpuTaskContext } from './context.ts';

/**
 * A site's own cases, read from its bucket and prepared as a network wants them. What is no longer as it was
 * cataloged (damaged, replaced, removed) is a `BAD_IMAGE` or `BAD_LABEL` error: {@link forEachReadable} leaves the
 * case out.
 */
export interface SiteData {
  readonly store: SiteStore;
  /** Cataloged cases of a use, sorted by id. */
  catalog(use: CaseUse): Promise<readonly CatalogEntry[]>;
  /** A CT as it was uploaded, in HU. Not cached: it is large and rarely needed twice. */
  image(entry: CatalogEntry): Promise<Volume>;
  prepared(entry: CatalogEntry, how: Preparation): Promise<Volume<Float32Array>>;
  /** The hospital's own label. */
  label(entry: CatalogEntry, task: TaskId): Promise<Target | undefined>;
  /**
   * What can be learnt of a case: the hospital's own label, or else the accepted pseudo-label of a stage, if there is one of
   * this very CT. Landmarks of which some were not placed are not learnt from: around these, nothing is known.
   */
  target(entry: CatalogEntry, task: TaskId, stage: StageAddress | undefined): Promise<TargetSource | undefined>;
}

/** A target that is read when it is needed, {@link boxed}. */
interface TargetSource {
  /** Of a pseudo-label. */
  readonly teacher?: { readonly confidence: number };
  read(): Promise<Target>;
}

export function openSiteData(store: SiteStore, cache: Cache): SiteData {
  const image = async (entry: CatalogEntry) =>
    readNifti(await readCataloged(store, entry.image, 'BAD_IMAGE'), entry.image.key);
  const remember = (key: string, read: () => Promise<Target>) =>
    cache.get(`${store.bucket}/${key}`, async () => {
      const value = await read();
      return { value, bytes: bytesOf(value) };
    });

  async function pseudoLabel(
    entry: CatalogEntry,
    task: TaskId,
    stage: StageAddress,
  ): Promise<TargetSource | undefined> {
    const key = siteKeys.pseudoLabelReport(stage, task, entry.case);
    const stored = await tryReadJson(store, key, pseudoLabelReportSchema).catch(asBadLabel(key));
    const report = stored?.value;
    if (!report?.accepted || report.image !== entry.image.sha256) return undefined;
    const { confidence, landmarks } = report;
    return {
      teacher: { confidence },
      read: () =>
        remember(`${key}@${stored?.etag}`, async () => {
          const hard = landmarks
            ? { kind: 'points' as const, points: landmarks }
            : await readLabel(store, { key: siteKeys.pseudoLabel(stage, task, entry.case), format: 'class-map' }, task);
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

  return {
    store,
    image,
    async catalog(use) {
      const entries: CatalogEntry[] = [];
      for await (const { key, etag } of store.list(siteKeys.catalogPrefix)) {
        const entry = await cache.get(`${store.bucket}/${key}@${etag}`, async () => ({
          value: (await readJson(store, key, catalogSchema)).value,
          bytes: 2_000,
        }));
        if (entry.use === use) entries.push(entry);
      }
      return entries;
    },
    prepared: (entry, { spacing, heartCrop }) =>
      cache.get(`${store.bucket}/${entry.image.key}@${entry.image.etag}/${spacing}mm/${heartCrop}`, async () => {
        const value = prepareImage(await image(entry), { spacing, heartCrop });
        return { value, bytes: value.data.byteLength };
      }),
    async label(entry, task) {
      const label = entry.labels[task];
      return label && remember(`${label.key}@${label.etag}`, () => readLabel(store, label, task));
    },
    async target(entry, task, stage) {
      const label = entry.labels[task];
      if (!label || !isComplete(task, label.classes)) return stage && pseudoLabel(entry, task, stage);
      const read = async () => boxed(await readLabel(store, label, task));
      return { read: () => remember(`${label.key}@${label.etag}/boxed`, read) };
    },
  };
}

/** What a task wrote into the site's bucket and finds damaged there is a bad label like any other. */
const asBadLabel =
  (key: string) =>
  (cause: unknown): never => {
    if (!isFedcardioError(cause, 'BAD_MESSAGE') && !isFedcardioError(cause, 'BAD_WEIGHTS')) throw cause;
    throw new FedcardioError('BAD_LABEL', `${key} cannot be read: ${cause.message}`, { cause });
  };

interface CatalogedFile {
  readonly key: SiteKey;
  /** Of the version that intake checked; any where there is none. */
  readonly etag?: string;
}

/** Another version than the cataloged one has not been checked: intake is about to. */
async function readCataloged(
  store: SiteStore,
  { key, etag }: CatalogedFile,
  code: 'BAD_IMAGE' | 'BAD_LABEL',
): Promise<Uint8Array> {
  const stored = await store.tryGet(key);
  if (stored && (etag === undefined || stored.etag === etag)) return stored.body;
  throw new FedcardioError(code, `${key} was ${stored ? 'replaced' : 'removed'} since it was cataloged.`, {
    hint: 'The next task takes the case as intake finds it then.',
  });
}

async function readLabel(
  store: SiteStore,
  label: CatalogedFile & Pick<LabelEntry, 'format'>,
  task: TaskId,
): Promise<Target> {
  const body = await readCataloged(store, label, 'BAD_LABEL');
  return label.format === 'markups'
    ? { kind: 'points', points: readMarkups(new TextDecoder().decode(body), TASKS[task].classes) }
    : targetOfClassMap(task, readNifti(body, label.key));
}

/**
 * Does the work of one case after the other. A case whose files can no longer be read as they were cataloged is left
 * out, so that it does not stop the others; the site's log says which and why.
 *
 * @returns how many were left out
 */
export async function forEachReadable(
  entries: readonly CatalogEntry[],
  log: GpuTaskContext['log'],
  work: (entry: CatalogEntry) => Promise<void>,
): Promise<number> {
  let leftOut = 0;
  for (const entry of entries) {
    const done = await ifReadable(entry, log, () => work(entry).then(() => true));
    if (!done) leftOut += 1;
  }
  return leftOut;
}

/** What the work comes to, or undefined where the case can no longer be read, which the site's log then says. */
async function ifReadable<T>(
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
  /** Ids of those that were found to be no longer readable, so far. */
  readonly unreadable: ReadonlySet<string>;
}

/**
 * The site's training cases as a stage learns them: its own labels and, where `pseudoLabels` are given, those of that
 * stage for what it lacks. Cases without any target are left out. CTs and labels are read when they are asked for.
 *
 * @throws FedcardioError `NO_DATA` where there is none
 */
export async function trainingCases(
  data: SiteData,
  tasks: readonly TaskId[],
  how: Preparation,
  pseudoLabels: StageAddress | undefined,
  log: GpuTaskContext['log'],
): Promise<TrainingCases> {
  const cases: CaseSource[] = [];
  const unreadable = new Set<string>();
  const attempt = async <T>(entry: CatalogEntry, work: () => Promise<T>): Promise<T | undefined> => {
    if (unreadable.has(entry.case)) return undefined;
    const done = await ifReadable(entry, log, work);
    if (done === undefined) unreadable.add(entry.case);
    return done;
  };
  for (const entry of await data.catalog('training')) {
    const targets = await attempt(entry, () => targetsOf(data, entry, tasks, pseudoLabels));
    if (!targets || targets.size === 0) continue;
    const load = async () => {
      const read = new Map<TaskId, Target>();
      for (const [task, target] of targets) read.set(task, await target.read());
      return { id: entry.case, image: await data.prepared(entry, how), targets: read };
    };
    cases.push({ id: entry.case, targets, load: () => attempt(entry, load) });
  }
  if (cases.length === 0) {
    throw new FedcardioError(
      'NO_DATA',
      `${data.store.bucket} has no training case with a complete label for ${tasks.join(' or ')}.`,
      { hint: `Labels lie at cases/<case>/labels/<task>.nii.gz; tasks are ${Object.keys(TASKS).join(', ')}.` },
    );
  }
  return { cases, unreadable };
}

async function targetsOf(
  data: SiteData,
  entry: CatalogEntry,
  tasks: readonly TaskId[],
  pseudoLabels: StageAddress | undefined,
): Promise<ReadonlyMap<TaskId, TargetSource>> {
  const targets = new Map<TaskId, TargetSource>();
  for (const task of tasks) {
    const target = await data.target(entry, task, pseudoLabels);
    if (target) targets.set(task, target);
  }
  return targets;
}
