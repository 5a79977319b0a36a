import { FedcardioError } from '../lib/error.ts';
import { type CaseUse, siteKeys } from '../lib/federation/keys.ts';
import { readJson, tryReadJson } from '../lib/federation/protocol/documents.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type LabelEntry,
  pseudoLabelReportSchema,
} from '../lib/federation/schemas.ts';
import { TASKS, type TaskId } from '../lib/federation/tasks.ts';
import { readMarkups } from '../lib/imaging/markups.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import type { Volume } from '../lib/imaging/volume.ts';
import type { Objects } from '../lib/storage/contract.ts';
import { type PreparedCase, prepareImage, type Target, targetOfClassMap } from '../lib/training/cases.ts';
import type { Cache } from './cache.ts';

/** A site's own cases, read from its bucket and prepared for a network of a given spacing. */
export interface SiteData {
  readonly bucket: string;
  /** Catalogued cases of a use, sorted by id. */
  catalog(use: CaseUse): Promise<readonly CatalogEntry[]>;
  /** A CT as it was uploaded, in HU. Not cached: it is large and rarely needed twice. */
  image(entry: CatalogEntry): Promise<Volume>;
  prepared(entry: CatalogEntry, spacing: number): Promise<Volume<Float32Array>>;
  /** The hospital's own label. */
  label(entry: CatalogEntry, task: TaskId): Promise<Target | undefined>;
  /** The accepted pseudo-label of a campaign, if there is one. */
  pseudoLabel(entry: CatalogEntry, task: TaskId, campaign: string): Promise<Target | undefined>;
}

export function openSiteData(objects: Objects, bucket: string, cache: Cache): SiteData {
  const image = async (entry: CatalogEntry) =>
    readNifti((await objects.get(bucket, entry.image.key)).body, entry.image.key);
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
    prepared: (entry, spacing) =>
      cache.get(`${bucket}/${entry.image.key}@${entry.image.etag}/${spacing}mm`, async () => {
        const value = prepareImage(await image(entry), spacing);
        return { value, bytes: value.data.byteLength };
      }),
    async label(entry, task) {
      const label = entry.labels[task];
      return label && cache.get(`${bucket}/${label.key}@${label.etag}`, () => readLabel(objects, bucket, label, task));
    },
    async pseudoLabel(entry, task, campaign) {
      const reportKey = siteKeys.pseudoLabelReport(campaign, task, entry.case);
      const report = await tryReadJson(objects, bucket, reportKey, pseudoLabelReportSchema);
      if (!report?.value.accepted) return undefined;
      const key = siteKeys.pseudoLabel(campaign, task, entry.case);
      return cache.get(`${bucket}/${key}`, () => readLabel(objects, bucket, { key, format: 'class-map' }, task));
    },
  };
}

async function readLabel(objects: Objects, bucket: string, label: Pick<LabelEntry, 'key' | 'format'>, task: TaskId) {
  const { body } = await objects.get(bucket, label.key);
  const value: Target =
    label.format === 'markups'
      ? { kind: 'points', points: readMarkups(new TextDecoder().decode(body), TASKS[task].classes) }
      : targetOfClassMap(task, readNifti(body, label.key));
  return { value, bytes: value.kind === 'mask' ? value.mask.data.byteLength : 1_000 };
}

/**
 * The site's training cases as a stage learns them: its own labels and, where `campaign` is given, that campaign's
 * pseudo-labels for what it lacks. Cases without any target are left out.
 */
export async function trainingCases(
  data: SiteData,
  tasks: readonly TaskId[],
  spacing: number,
  campaign: string | undefined,
): Promise<readonly PreparedCase[]> {
  const cases: PreparedCase[] = [];
  for (const entry of await data.catalog('training')) {
    const targets = new Map<TaskId, Target>();
    for (const task of tasks) {
      const target =
        (await data.label(entry, task)) ?? (campaign && (await data.pseudoLabel(entry, task, campaign))) ?? undefined;
      if (target) targets.set(task, target);
    }
    if (targets.size > 0) cases.push({ id: entry.case, image: await data.prepared(entry, spacing), targets });
  }
  if (cases.length === 0) {
    throw new FedcardioError('NO_DATA', `${data.bucket} has no training case with a label for ${tasks.join(' or ')}.`, {
      hint: `Labels lie at cases/<case>/labels/<task>.nii.gz; tasks are ${Object.keys(TASKS).join(', ')}.`,
    });
  }
  return cases;
}
