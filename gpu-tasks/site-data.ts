import { describeError, FedcardioError, isFedcardioError } from '../lib/error.ts';
import { type CaseUse, type StageAddress, siteKeys } from '../lib/federation/keys.ts';
import { readJson, tryReadJson } from '../lib/federation/protocol/documents.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type LabelEntry,
  pseudoLabelReportSchema,
} from '../lib/federation/schemas.ts';
import { TASKS, type TaskId } from '../lib/federation/tasks.ts';
import { affineOf } from '../lib/imaging/affine.ts';
import { readMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import type { Volume } from '../lib/imaging/volume.ts';
import type { Objects } from '../lib/storage/contract.ts';
import {
  type Preparation,
  type PreparedCase,
  prepareImage,
  type Target,
  targetOfClassMap,
} from '../lib/training/cases.ts';
import { decodeSoftLabel } from '../lib/training/soft-labels.ts';
import type { Cache } from './cache.ts';
import type { TaskContext } from './context.ts';

/**
 * A site's own cases, read from its bucket and prepared as a network wants them. What is no longer as it was
 * catalogued (damaged, replaced, removed) is a `BAD_IMAGE` or `BAD_LABEL` error: {@link forEachReadable} leaves the
 * case out.
 */
export interface SiteData {
  readonly bucket: string;
  /** Catalogued cases of a use, sorted by id. */
  catalog(use: CaseUse): Promise<readonly CatalogEntry[]>;
  /** A CT as it was uploaded, in HU. Not cached: it is large and rarely needed twice. */
  image(entry: CatalogEntry): Promise<Volume>;
  prepared(entry: CatalogEntry, how: Preparation): Promise<Volume<Float32Array>>;
  /** The hospital's own label. */
  label(entry: CatalogEntry, task: TaskId): Promise<Target | undefined>;
  /** The accepted pseudo-label of a stage, if there is one. */
  pseudoLabel(entry: CatalogEntry, task: TaskId, stage: StageAddress): Promise<Target | undefined>;
}

export function openSiteData(objects: Objects, bucket: string, cache: Cache): SiteData {
  const image = async (entry: CatalogEntry) =>
    readNifti(await readCatalogued(objects, bucket, entry.image, 'BAD_IMAGE'), entry.image.key);
  const readSoftLabel = async (key: string, { affine }: { readonly affine: readonly (readonly number[])[] }) =>
    decodeSoftLabel(await readCatalogued(objects, bucket, { key }, 'BAD_LABEL'), affineOf(affine));
  return {
    bucket,
    image,
    async catalog(use) {
      const entries: CatalogEntry[] = [];
      for await (const { key, etag } of objects.list(bucket, siteKeys.catalogPrefix)) {
        const entry = await cache.get(`${bucket}/${key}@${etag}`, async () => ({
          value: (await readJson(objects, bucket, key, catalogSchema)).value,
          bytes: 2_000,
        }));
        if (entry.use === use) entries.push(entry);
      }
      return entries;
    },
    prepared: (entry, { spacing, heartCrop }) =>
      cache.get(`${bucket}/${entry.image.key}@${entry.image.etag}/${spacing}mm/${heartCrop}`, async () => {
        const value = prepareImage(await image(entry), { spacing, heartCrop });
        return { value, bytes: value.data.byteLength };
      }),
    async label(entry, task) {
      const label = entry.labels[task];
      return label && cache.get(`${bucket}/${label.key}@${label.etag}`, () => readLabel(objects, bucket, label, task));
    },
    async pseudoLabel(entry, task, stage) {
      const reportKey = siteKeys.pseudoLabelReport(stage, task, entry.case);
      const report = (await tryReadJson(objects, bucket, reportKey, pseudoLabelReportSchema))?.value;
      if (!report?.accepted) return undefined;
      const key = siteKeys.pseudoLabel(stage, task, entry.case);
      return cache.get(`${bucket}/${key}`, async () => {
        const hard = await readLabel(objects, bucket, { key, format: 'class-map' }, task);
        const soft = report.soft && (await readSoftLabel(siteKeys.softLabel(stage, task, entry.case), report.soft));
        const value: Target = { ...hard.value, teacher: { confidence: report.confidence, soft } };
        return { value, bytes: hard.bytes + (soft ?? []).reduce((sum, { data }) => sum + data.byteLength, 0) };
      });
    },
  };
}

interface CataloguedFile {
  readonly key: string;
  /** Of the version that intake checked; any where there is none. */
  readonly etag?: string;
}

/** Another version than the catalogued one has not been checked: intake is about to. */
async function readCatalogued(
  objects: Objects,
  bucket: string,
  { key, etag }: CataloguedFile,
  code: 'BAD_IMAGE' | 'BAD_LABEL',
): Promise<Uint8Array> {
  const stored = await objects.tryGet(bucket, key);
  if (stored && (etag === undefined || stored.etag === etag)) return stored.body;
  throw new FedcardioError(code, `${key} was ${stored ? 'replaced' : 'removed'} since it was catalogued.`, {
    hint: 'The next task takes the case as intake finds it then.',
  });
}

async function readLabel(
  objects: Objects,
  bucket: string,
  label: CataloguedFile & Pick<LabelEntry, 'format'>,
  task: TaskId,
) {
  const body = await readCatalogued(objects, bucket, label, 'BAD_LABEL');
  const value: Target =
    label.format === 'markups'
      ? { kind: 'points', points: readMarkups(new TextDecoder().decode(body), TASKS[task].classes) }
      : targetOfClassMap(task, readNifti(body, label.key));
  return { value, bytes: value.kind === 'mask' ? value.mask.data.byteLength : 1_000 };
}

/**
 * Does the work of one case after the other. A case whose files can no longer be read as they were catalogued is left
 * out, so that it does not stop the others; the site's log says which and why.
 *
 * @returns how many were left out
 */
export async function forEachReadable(
  entries: readonly CatalogEntry[],
  log: TaskContext['log'],
  work: (entry: CatalogEntry) => Promise<void>,
): Promise<number> {
  let leftOut = 0;
  for (const entry of entries) {
    try {
      await work(entry);
    } catch (error) {
      if (!isFedcardioError(error, 'BAD_IMAGE') && !isFedcardioError(error, 'BAD_LABEL')) throw error;
      leftOut += 1;
      log('case-left-out', { case: entry.case, code: error.code, reason: describeError(error) });
    }
  }
  return leftOut;
}

/**
 * The site's training cases as a stage learns them: its own labels and, where `pseudoLabels` are given, those of that
 * stage for what it lacks. Cases without any target are left out, and so are unreadable ones, which are counted.
 *
 * @throws FedcardioError `NO_DATA` where none is left
 */
export async function trainingCases(
  data: SiteData,
  tasks: readonly TaskId[],
  how: Preparation,
  pseudoLabels: StageAddress | undefined,
  log: TaskContext['log'],
): Promise<{ readonly cases: readonly PreparedCase[]; readonly unreadable: number }> {
  const cases: PreparedCase[] = [];
  const unreadable = await forEachReadable(await data.catalog('training'), log, async (entry) => {
    const targets = new Map<TaskId, Target>();
    for (const task of tasks) {
      const target =
        (await data.label(entry, task)) ?? (pseudoLabels && (await data.pseudoLabel(entry, task, pseudoLabels)));
      if (target) targets.set(task, target);
    }
    if (targets.size > 0) cases.push({ id: entry.case, image: await data.prepared(entry, how), targets });
  });
  if (cases.length === 0) {
    const readable = unreadable > 0 ? 'readable ' : '';
    const what = `${readable}training case with a label for ${tasks.join(' or ')}`;
    throw new FedcardioError('NO_DATA', `${data.bucket} has no ${what}.`, {
      hint: `Labels lie at cases/<case>/labels/<task>.nii.gz; tasks are ${Object.keys(TASKS).join(', ')}.`,
    });
  }
  return { cases, unreadable };
}
