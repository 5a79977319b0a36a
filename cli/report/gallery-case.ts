import { siteKeys } from '../../lib/federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Federation, type LabelEntry } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { roundClasses } from '../../lib/imaging/class-map.ts';
import { decodeLandmarks, landmarksOfClassMap } from '../../lib/imaging/landmarks.ts';
import { readMarkups } from '../../lib/imaging/markups.ts';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import type { Landmark, Volume } from '../../lib/imaging/volume.ts';
import type { GalleryCase, LandmarkPair, MaskPair } from '../../lib/report/gallery.ts';
import { dice } from '../../lib/scoring/dice.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { listDocuments, tryReadJson } from '../../lib/storage/documents.ts';
import { ifUsable } from './readable.ts';

/** The file of a prediction in the site's bucket. */
export interface PredictionFile {
  readonly site: string;
  readonly caseId: string;
  readonly task: Task;
  readonly body: Uint8Array;
}

interface Place extends Pick<Stores, 'siteStore'> {
  readonly campaign: string;
  readonly model: string;
  readonly tasks: readonly Task[];
}

/**
 * The first held-out case of a site that has predictions of the model, and that can be shown; undefined without one. Reads the
 * site's bucket, which only the site itself, or a demo that plays all sites, may do.
 */
export async function readGalleryCase(
  { siteStore, campaign, model, tasks }: Place,
  site: Federation['sites'][number],
): Promise<{ readonly picture: GalleryCase; readonly files: readonly PredictionFile[] } | undefined> {
  const store = siteStore(site.id);
  for await (const { key } of listDocuments(store, siteKeys.catalogPrefix)) {
    const entry = (await ifUsable(() => tryReadJson(store, key, catalogSchema)))?.value;
    if (entry?.use !== 'evaluation') continue;
    const files: PredictionFile[] = [];
    for (const task of tasks) {
      const stored = await store.tryGet(siteKeys.prediction(campaign, model, task.id, entry.case));
      if (stored) files.push({ site: site.id, caseId: entry.case, task, body: stored.body });
    }
    if (files.length === 0) continue;
    const picture = await ifUsable(() => pictureOf(store, site.name, entry, files));
    if (picture) return { picture, files };
  }
  return undefined;
}

async function pictureOf(
  store: SiteStore,
  site: string,
  entry: CatalogEntry,
  files: readonly PredictionFile[],
): Promise<GalleryCase> {
  const image = readNifti((await store.get(entry.image.key)).body, entry.image.key);
  const landmarks: LandmarkPair[] = [];
  const masks: MaskPair[] = [];
  for (const { task, body } of files) {
    const label = entry.labels[task.id];
    if (!label) continue;
    const predicted = readClassMap(body);
    if (task.kind === 'landmarks') {
      const truth = await landmarksOf(store, task, label);
      landmarks.push({ task, truth, predicted: decodeLandmarks(predicted, task.classes.length) });
    } else {
      const truth = readClassMap((await store.get(label.key)).body, label.key);
      masks.push({ task, truth, predicted, dice: task.classes.map((_, i) => dice(predicted.data, truth.data, i + 1)) });
    }
  }
  return { site, caseId: entry.case, image, landmarks, masks };
}

async function landmarksOf(
  store: SiteStore,
  { classes }: Task,
  { key, format }: LabelEntry,
): Promise<readonly Landmark[]> {
  const { body } = await store.get(key);
  return format === 'markups'
    ? readMarkups(new TextDecoder().decode(body), classes)
    : landmarksOfClassMap(readClassMap(body, key), classes.length);
}

function readClassMap(body: Uint8Array, name?: string): Volume {
  const map = readNifti(body, name);
  return { ...map, data: roundClasses(map.data) };
}
