import { readFileSync } from 'node:fs';
import { type FedcardioError, isFedcardioError } from '../error.ts';
import { groupBy } from '../group-by.ts';
import { sha256Hex } from '../json.ts';
import { type Stack, stackOf } from './geometry.ts';
import { passedOverAs } from './kinds.ts';
import { choosePhase, phasesOf } from './phases.ts';
import type { DicomFile } from './read-file.ts';
import { refusal } from './refusal.ts';
import { isSameReconstruction, type PlacedFile, requireUsable } from './requirements.ts';
import { cross, dot } from './vectors.ts';

/** A part of a series, judged. Part 1 is the whole series unless it holds several reconstructions. */
export interface JudgedPart {
  readonly files: readonly DicomFile[];
  readonly verdict:
    | { readonly kind: 'volume'; readonly stack: Stack<PlacedFile>; readonly phase: number | undefined }
    | { readonly kind: 'refused'; readonly fault: FedcardioError }
    /** Not a volume of a CT, and no fault of the export. `what` follows "They are". */
    | { readonly kind: 'passed-over'; readonly what: string }
    /** Refused, or passed over if the study has a volume. */
    | { readonly kind: 'aside'; readonly fault: FedcardioError; readonly what: string };
}

/**
 * Judges the images of one SeriesInstanceUID: what they are, and whether they make a CT volume.
 *
 * @param phase heart phase to take, per cent of the RR interval; by default the one nearest to 75
 */
export function judgeSeries(files: readonly DicomFile[], phase: number | undefined): readonly JudgedPart[] {
  const kinds = groupBy(files, ({ header }) => passedOverAs(header));
  const images = kinds.get(undefined) ?? [];
  const others = [...kinds].flatMap(([what, found]) => (what === undefined ? [] : [passedOver(found, what)]));
  return images.length === 0 ? others : [...judgeImages(images, phase), ...others];
}

const passedOver = (files: readonly DicomFile[], what: string): JudgedPart => ({
  files,
  verdict: { kind: 'passed-over', what },
});

function judgeImages(images: readonly DicomFile[], phase: number | undefined): readonly JudgedPart[] {
  return refusing(images, () => {
    requireUsable(images);
    const unique = withoutCopies(images);
    return reconstructionsOf(unique).flatMap((part) => refusing(part, () => judgePart(part, phase)));
  });
}

function refusing(files: readonly DicomFile[], judge: () => readonly JudgedPart[]): readonly JudgedPart[] {
  try {
    return judge();
  } catch (error) {
    if (!isFedcardioError(error)) throw error;
    return [{ files, verdict: { kind: 'refused', fault: error } }];
  }
}

/** The images of each reconstruction: several kernels, planes or fields of view may share a series. */
function reconstructionsOf(files: readonly PlacedFile[]): readonly (readonly PlacedFile[])[] {
  const parts: PlacedFile[][] = [];
  for (const file of files) {
    const part = parts.find(([first]) => first && isSameReconstruction(first.header, file.header));
    if (part) part.push(file);
    else parts.push([file]);
  }
  return parts.flatMap(byThickness);
}

/** Thick and thin slices of one place are two reconstructions; slices that get thicker on the way are one. */
function byThickness(files: readonly PlacedFile[]): readonly (readonly PlacedFile[])[] {
  const groups = [...groupBy(files, ({ header }) => header.thickness?.toFixed(2)).values()];
  if (groups.length < 2) return [files];
  const ranges = groups.map(heightsOf).map((heights) => [Math.min(...heights), Math.max(...heights)] as const);
  const overlap = ranges.some(([low, high], index) =>
    ranges.slice(index + 1).some(([otherLow, otherHigh]) => low <= otherHigh && otherLow <= high),
  );
  return overlap ? groups : [files];
}

/** Positions of images of one orientation along their normal, mm. */
function heightsOf(files: readonly PlacedFile[]): readonly number[] {
  const [first] = files as readonly [PlacedFile, ...PlacedFile[]];
  const normal = cross(first.header.orientation.slice(0, 3), first.header.orientation.slice(3));
  return files.map(({ header }) => dot(header.position, normal));
}

function judgePart(part: readonly PlacedFile[], wanted: number | undefined): readonly JudgedPart[] {
  const heights = heightsOf(part);
  const height = Math.max(...heights) - Math.min(...heights);
  if (part.length === 1) return aside(part, 'It is a single image, not a volume.', 'single images');
  if (height < 0.01) {
    const reason = `Its ${part.length} images show one and the same position.`;
    return aside(part, reason, 'images of one position, as from bolus tracking');
  }
  const chosen = choosePhase(part, wanted);
  if (!('files' in chosen)) return [passedOver(part, `not of the heart phase asked for, but of ${percent(chosen)}`)];
  try {
    return [{ files: part, verdict: { kind: 'volume', stack: stackOf(chosen.files), phase: chosen.phase } }];
  } catch (error) {
    const phases = phasesOf(part);
    if (phases.length < 2 || !isFedcardioError(error)) throw error;
    const others = phases.filter((phase) => phase !== chosen.phase);
    throw refusal(
      `Of its heart phase ${chosen.phase} %: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`,
      `${error.hint} Or choose another phase of it (${percent(others)}) with --phase.`,
    );
  }
}

/** A fault of the export if the study has nothing else; else a usual by-product of the scan. */
const aside = (files: readonly DicomFile[], reason: string, what: string): readonly JudgedPart[] => [
  { files, verdict: { kind: 'aside', fault: refusal(reason, 'Export the whole series.'), what } },
];

const percent = (phases: readonly number[]): string => `${phases.map((phase) => Math.round(phase)).join(', ')} %`;

/** Each image once: a disc copied twice into a folder has every file twice. Different images of one position stay. */
function withoutCopies(files: readonly PlacedFile[]): readonly PlacedFile[] {
  const named = groupBy(files, ({ header }) => `${header.instance} ${header.position.join()}`);
  return [...named.values()].flatMap((same) =>
    same.length === 1 ? same : [...new Map(same.map((file) => [fileHash(file.path), file])).values()],
  );
}

const fileHash = (path: string): string => sha256Hex(readFileSync(path));
