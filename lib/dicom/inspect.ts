import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { FedcardioError } from '../error.ts';
import { shownFile } from '../federation/case-names.ts';
import { CIRCLE, entriesBelow, type UnusableEntry } from '../folder.ts';
import { groupBy } from '../group-by.ts';
import type { Stack } from './geometry.ts';
import { type JudgedPart, judgeSeries } from './judge.ts';
import { type DicomFile, isZipFile, readDicomFile } from './read-file.ts';
import type { PlacedFile } from './requirements.ts';

/** Whose a series is. These ids identify a patient: they are for pseudonyms and the site's own map alone. */
export interface SeriesIds {
  readonly patient: string;
  readonly study: string;
  readonly series: string;
  /** Tells apart the reconstructions that a series may hold: kernel, size and direction of their slices. */
  readonly part: string;
}

interface Inspected {
  /** Names the series without a patient's name or id: "patient 2, series 4". */
  readonly series: string;
  readonly ids: SeriesIds;
  readonly images: number;
  /** One of its files. The path may hold a patient's name. */
  readonly path: string;
}

/** A CT volume that can be read. Its voxels have not been decoded yet. */
export interface DicomVolume extends Inspected {
  readonly stack: Stack<PlacedFile>;
  /** The files of all its heart phases. */
  readonly files: readonly DicomFile[];
  /** Heart phase in per cent of the RR interval, if the images name one. */
  readonly phase: number | undefined;
}

/** A CT series that cannot become a volume. */
export interface RefusedSeries extends Omit<Inspected, 'ids'> {
  readonly ids: SeriesIds | undefined;
  /** A sentence in a radiographer's words. */
  readonly reason: string;
  readonly hint: string;
}

/** What is no CT volume and is no fault: localizers, reports, other modalities. */
export interface PassedOver extends Inspected {
  readonly reason: string;
}

/** What a folder holds. Series are in the order of their files. */
export interface DicomInspection {
  readonly volumes: readonly DicomVolume[];
  readonly refused: readonly RefusedSeries[];
  readonly passedOver: readonly PassedOver[];
  /** Files that are not DICOM. */
  readonly otherFiles: number;
  /** Those of them that are ZIP archives, which may hold DICOM. */
  readonly zipFiles: number;
}

export interface InspectOptions {
  /** Heart phase to take from a series with several, per cent of the RR interval; by default the one nearest to 75. */
  readonly phase?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the number of files that were read. */
  readonly onFiles?: ((read: number) => void) | undefined;
  /** Names a patient in {@link Inspected.series}; by default "patient 2", in the order of the files. */
  readonly nameOf?: ((ids: SeriesIds) => string) | undefined;
}

/** Files that are read between two turns of the event loop. */
const FILES_PER_TURN = 64;

/**
 * Reads the headers of all files below a folder, and says of each series whether it makes a CT volume. Decodes no voxel;
 * names of files do not matter. A file that cannot be read does not stop the others.
 *
 * @throws NOT_FOUND if there is no such folder; INTERRUPTED if `signal` is aborted
 */
export async function inspectDicom(dir: string, options: InspectOptions = {}): Promise<DicomInspection> {
  const { files, damaged, unusable, others, zips } = await readAll(dir, options);
  const groups = [...groupBy(files, ({ header }) => [header.patient, header.study, header.series].join('\0')).values()];
  const parts = groups.flatMap((group) => judgeSeries(group, options.phase)).map(withIds);
  const labels = labelsOf(parts, options.nameOf);
  const studies = new Set(parts.flatMap(({ ids, verdict }) => (verdict.kind === 'volume' ? [studyOf(ids)] : [])));
  const volumes: DicomVolume[] = [];
  const refused: RefusedSeries[] = [];
  const passedOver: PassedOver[] = [];
  parts.forEach(({ ids, files: own, verdict }, index) => {
    const series = labels[index] as string;
    const facts = { series, ids, images: own.length, path: (own[0] as DicomFile).path };
    if (verdict.kind === 'volume') {
      const { stack, phase } = verdict;
      volumes.push({ ...facts, images: stack.slices.length, stack, files: own, phase });
    } else if (verdict.kind === 'passed-over' || (verdict.kind === 'aside' && studies.has(studyOf(ids)))) {
      passedOver.push({ ...facts, reason: `They are ${verdict.what}.` });
    } else {
      refused.push({ ...facts, reason: verdict.fault.message, hint: verdict.fault.hint ?? '' });
    }
  });
  return {
    volumes,
    refused: [...refused, ...refusedFiles(damaged), ...refusedEntries(unusable)],
    passedOver,
    otherFiles: others,
    zipFiles: zips,
  };
}

/** A file that the system does not let us read stops no other. */
function readOrDamaged(path: string): ReturnType<typeof readDicomFile> {
  try {
    return readDicomFile(path);
  } catch {
    return 'damaged';
  }
}

/** The index of a medium. It holds no image, so that a damaged one harms nothing. Systems add a dot or a version. */
const isIndex = (path: string): boolean => /^dicomdir(\.|;1)*$/i.test(basename(path));

const studyOf = ({ patient, study }: SeriesIds): string => `${patient}\0${study}`;

interface Found {
  readonly files: readonly DicomFile[];
  readonly damaged: readonly string[];
  readonly unusable: readonly UnusableEntry[];
  readonly others: number;
  readonly zips: number;
}

async function readAll(dir: string, { signal, onFiles }: InspectOptions): Promise<Found> {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FedcardioError('NOT_FOUND', `There is no folder ${dir}.`, { hint: 'Check the path.' });
  }
  const files: DicomFile[] = [];
  const damaged: string[] = [];
  const unusable: UnusableEntry[] = [];
  let [others, zips, read] = [0, 0, 0];
  for (const entry of entriesBelow(dir, (name) => name.startsWith('.'))) {
    if (entry.kind === 'unusable') {
      if (entry.fault !== CIRCLE) unusable.push(entry);
      continue;
    }
    const { path } = entry;
    const file = readOrDamaged(path);
    if (file === undefined || (isIndex(path) && (file === 'damaged' || file.isCutOff))) {
      others += 1;
      if (isZipFile(path)) zips += 1;
    } else if (file === 'damaged') damaged.push(path);
    else files.push(file);
    read += 1;
    if (read % FILES_PER_TURN > 0) continue;
    onFiles?.(read);
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new FedcardioError('INTERRUPTED', 'Reading the DICOM folder was interrupted.');
  }
  onFiles?.(read);
  return { files, damaged, unusable, others, zips };
}

type IdentifiedPart = JudgedPart & { readonly ids: SeriesIds };

function withIds(part: JudgedPart): IdentifiedPart {
  const { patient, study, series, kernel, rows, columns, ...plane } = (part.files[0] as DicomFile).header;
  const numbers = [...(plane.spacing ?? []), ...(plane.orientation ?? []), plane.thickness ?? 0];
  // Rounded, because not every slice has the same last digits.
  const described = [kernel, rows, columns, ...numbers.map((value) => (value + 0).toFixed(2).replace('-0.00', '0.00'))];
  return { ...part, ids: { patient, study, series, part: described.join() } };
}

/**
 * Names of series by the number that the scanner gave them. Descriptions are free text and folders are named by people:
 * both may hold a patient's name.
 */
function labelsOf(parts: readonly IdentifiedPart[], nameOf: InspectOptions['nameOf']): readonly string[] {
  const patients = [...new Set(parts.map(({ ids }) => ids.patient))];
  const named = parts.map(({ ids, files }) => {
    const patient = nameOf?.(ids) ?? `patient ${patients.indexOf(ids.patient) + 1}`;
    const number = files[0]?.header.seriesNumber;
    return `${patient}, series ${number ?? 'without number'}`;
  });
  const seen = new Map<string, number>();
  return named.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  });
}

function refusedFiles(damaged: readonly string[]): readonly RefusedSeries[] {
  const [path] = damaged;
  if (path === undefined) return [];
  const [what, belongs] =
    damaged.length === 1 ? ['A DICOM file is', 'it belongs'] : [`${damaged.length} DICOM files are`, 'they belong'];
  return [
    {
      series: 'damaged files',
      ids: undefined,
      images: damaged.length,
      path,
      reason: `${what} damaged: the header cannot be read, so that it is not known to which series ${belongs}.`,
      hint: 'The export or the copy was interrupted: export the study again.',
    },
  ];
}

/** What cannot be read may hold slices, so that it must not go unnoticed. Its name may be a patient's. */
function refusedEntries(entries: readonly UnusableEntry[]): readonly RefusedSeries[] {
  const groups = groupBy(entries, ({ fault }) => fault.reason);
  return Array.from(groups.values(), (group) => {
    const [{ name, path, fault }] = group as unknown as readonly [UnusableEntry];
    const shown = name.split('/').map(shownFile).join('/');
    const series = group.length === 1 ? shown : `${shown} and ${group.length - 1} more`;
    return { series, ids: undefined, images: group.length, path, ...fault };
  });
}
