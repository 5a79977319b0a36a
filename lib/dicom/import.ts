import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isFedcardioError } from '../error.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import { sha256Hex } from '../json.ts';
import { folderWithImage, hasOtherFiles, holdsVolume, writeImage } from './case-image.ts';
import { contentOf } from './content.ts';
import {
  type DicomInspection,
  type DicomVolume,
  inspectDicom,
  type PassedOver,
  type RefusedSeries,
} from './inspect.ts';
import { openPseudonyms } from './pseudonyms.ts';
import type { DicomFile } from './read-file.ts';
import { readVolume } from './read-volume.ts';
import { refusal } from './refusal.ts';
import { type MapEntry, openMap, type SiteMap } from './site-map.ts';

/** The folder of secret and map below the cases. Commands that read cases pass over names that begin with a dot. */
const SECRET_FOLDER = '.fedcardio';

export interface ImportOptions {
  /** Folder of the secret and the map; by default `.fedcardio` below the cases. */
  readonly secretDir?: string | undefined;
  /** Heart phase to take from a series with several, per cent of the RR interval; by default the one nearest to 75. */
  readonly phase?: number | undefined;
  /**
   * Whether a case of an earlier import exists, so that none of its slices may be lost; by default, whether it lies in `out`.
   */
  readonly isStored?: ((caseId: string) => boolean | Promise<boolean>) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

export type ImportProgress =
  | { readonly kind: 'files'; readonly read: number }
  | { readonly kind: 'slices'; readonly series: string; readonly done: number; readonly total: number }
  /** A series is finished: imported, there already, or refused. */
  | { readonly kind: 'series'; readonly result: ImportedSeries; readonly done: number; readonly total: number };

/** What became of one CT series. Nothing in it identifies a patient. */
export interface ImportedSeries {
  readonly series: string;
  /** Null if it was refused. */
  readonly case: string | null;
  /** Null if it was accepted; otherwise a sentence in a radiographer's words. */
  readonly reason: string | null;
  readonly hint: string | null;
  readonly images: number;
  /** Per cent of the RR interval; null if the images name none. */
  readonly phase: number | null;
  /** Whether this call wrote the case. An earlier one has written the others. */
  readonly isNew: boolean;
}

export interface DicomImport {
  readonly series: readonly ImportedSeries[];
  readonly passedOver: readonly Pick<PassedOver, 'series' | 'images' | 'reason'>[];
  /** Files that are not DICOM. */
  readonly otherFiles: number;
  /** Those of them that are ZIP archives. */
  readonly zipFiles?: number;
}

/**
 * Imports every CT volume below a folder of DICOM files as `<out>/<case>/image.nii.gz`, one series at a time. The case's
 * name is a pseudonym; the secret and the map of pseudonyms to patients stay in `secretDir`. A series that cannot be used
 * does not stop the others. A second call skips what is there already. A series that has grown or changed replaces its case,
 * unless that has labels; one that lacks slices of its case is refused.
 *
 * @throws NOT_FOUND if there is no such folder; INTERRUPTED if `signal` is aborted; errors of the disk
 */
export async function importDicom(dir: string, out: string, options: ImportOptions = {}): Promise<DicomImport> {
  const { secretDir = join(out, SECRET_FOLDER), phase, isStored, signal, onProgress } = options;
  mkdirSync(out, { recursive: true });
  const names = openPseudonyms(secretDir);
  const onFiles = (read: number) => onProgress?.({ kind: 'files', read });
  const inspection = await inspectDicom(dir, { phase, signal, onFiles, nameOf: names.patient });
  const map = openMap(secretDir);
  const series: ImportedSeries[] = [];
  const total = inspection.volumes.length + inspection.refused.length;
  const finish = (result: ImportedSeries) => {
    series.push(result);
    onProgress?.({ kind: 'series', result, done: series.length, total });
  };
  for (const refused of inspection.refused) finish(noteRefused(refused, map));
  const taken = new Set<string>();
  for (const volume of inspection.volumes) {
    const caseId = names.case(volume.ids);
    const isTaken = taken.has(caseId);
    finish(await importVolume({ volume, caseId, isTaken, out, map, isStored, signal, onProgress }));
    taken.add(caseId);
  }
  const { otherFiles, zipFiles } = inspection;
  return { series, passedOver: withoutIds(inspection.passedOver), otherFiles, zipFiles };
}

interface VolumeImport extends Pick<ImportOptions, 'isStored' | 'signal' | 'onProgress'> {
  readonly volume: DicomVolume;
  readonly caseId: string;
  readonly isTaken: boolean;
  readonly out: string;
  readonly map: SiteMap;
}

async function importVolume(options: VolumeImport): Promise<ImportedSeries> {
  const { volume, caseId, isTaken, out, map, isStored, signal, onProgress } = options;
  const { series, images, phase = null } = volume;
  const accepted = (isNew: boolean): ImportedSeries => ({
    series,
    case: caseId,
    reason: null,
    hint: null,
    images,
    phase,
    isNew,
  });
  try {
    if (isTaken) throw INDISTINGUISHABLE;
    const [content, slices] = [await contentOf(volume, signal), volume.files.map(sliceOf)];
    const entry: MapEntry = { ...entryOf(volume), case: caseId, phase, content, slices };
    const folder = folderWithImage(out, caseId);
    const earlier = map.entryOf(caseId);
    if (folder !== undefined && earlier?.content === content) return accepted(false);
    if (earlier && (await (isStored?.(caseId) ?? folder !== undefined))) requireSlices(slices, earlier);
    const onSlices = (done: number) => onProgress?.({ kind: 'slices', series, done, total: images });
    const ct = await readVolume(volume, { signal, onSlices });
    // Other files may hold the same voxels, and the map may be lost.
    if (folder !== undefined && holdsVolume(folder, ct)) {
      map.add(entry);
      return accepted(false);
    }
    if (folder !== undefined) requireReplaceable(folder, earlier, entry);
    // No case may be without its patient. Otherwise the image comes first: the map must not vouch for one that was not written.
    if (!earlier) map.add(entry);
    writeImage(folder ?? join(out, caseId), writeNifti(ct));
    map.add(entry);
    return accepted(true);
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_IMAGE')) throw error;
    return noteRefused({ ...volume, reason: error.message, hint: error.hint ?? '' }, map);
  }
}

const INDISTINGUISHABLE = refusal(
  'The series holds two reconstructions that differ in nothing but their images.',
  'Export each reconstruction as a series of its own.',
);

/** Requires all slices of the earlier import: an export in two parts is not two versions of a series. */
function requireSlices(slices: readonly string[], earlier: MapEntry): void {
  const now = new Set(slices.flatMap((slice) => slice.split(' ')));
  if (earlier.slices?.every((slice) => slice.split(' ').some((hash) => now.has(hash))) ?? true) return;
  throw refusal('The same series was imported with other slices.', 'Put all its files into one folder.');
}

/** Requires that nothing is lost with an image that is about to be replaced: labels, or slices that the map would know. */
function requireReplaceable(folder: string, earlier: MapEntry | undefined, now: MapEntry): void {
  if (!earlier) {
    throw refusal(
      'Its case has another image, and the map says nothing of it.',
      'Restore map.jsonl from a backup, or move the folder of the case away and import again.',
    );
  }
  if (!hasOtherFiles(folder)) return;
  const phases = earlier.phase === now.phase ? '' : `, phase ${earlier.phase} % then and ${now.phase} % now`;
  throw refusal(
    `It has changed since it was imported (${earlier.images} images then, ${now.images} now${phases}), and its case has other files, such as labels.`,
    'Move the folder of the case away, import again, and check its labels on the new image.',
  );
}

function noteRefused(refused: RefusedSeries, map: SiteMap): ImportedSeries {
  const { series, reason, hint, images } = refused;
  map.add({ ...entryOf(refused), case: null, phase: null, content: null });
  return { series, case: null, reason, hint, images, phase: null, isNew: false };
}

const entryOf = ({ series, ids, images, path }: Pick<RefusedSeries, 'series' | 'ids' | 'images' | 'path'>) => ({
  series,
  patientId: ids?.patient ?? '',
  studyUid: ids?.study ?? '',
  seriesUid: ids?.series ?? '',
  folder: dirname(path),
  images,
});

/** Hashes of a slice's id and of its place: an export may have given it another id, a correction another place. */
function sliceOf({ header }: DicomFile): string {
  const { instance, position = [], heartPhase } = header;
  const place = [...position.map((mm) => mm.toFixed(2)), heartPhase].join();
  return [instance || place, place].map((text) => sha256Hex(text).slice(0, 8)).join(' ');
}

const withoutIds = (passedOver: DicomInspection['passedOver']): DicomImport['passedOver'] =>
  passedOver.map(({ series, images, reason }) => ({ series, images, reason }));
