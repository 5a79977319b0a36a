import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { caseNameFinding, shownFile, textNamesPerson } from '../../lib/federation/case-names.ts';
import type { CatalogEntry } from '../../lib/federation/schemas.ts';
import { isComplete, type Task } from '../../lib/federation/tasks.ts';
import { isGzip } from '../../lib/imaging/foreign-formats.ts';
import { markupsTexts } from '../../lib/imaging/markups-texts.ts';
import { headerTexts } from '../../lib/imaging/nifti-texts.ts';
import type { DatasetFile } from '../datasets/dataset.ts';

/** Codes of warnings about what may lead back to a patient. */
export const IDENTIFYING: ReadonlySet<string> = new Set(['NAME', 'HEADER_TEXT', 'POINT_TEXT']);

/** A warning about a file of a case, or about the whole case. */
export interface CaseWarning {
  readonly file: DatasetFile | undefined;
  readonly code: 'NAME' | 'HEADER_TEXT' | 'POINT_TEXT' | 'NO_IMAGE' | 'INCOMPLETE_LABEL' | 'SAME_SCAN';
  readonly reason: string;
  readonly hint: string;
}

const PSEUDONYM = 'If it leads back to the patient, rename the folder to a pseudonym such as p7.';
const BLANK_HEADER =
  'Such texts are never shown, but they are stored with the file: export it again without them, or import it from DICOM.';

const BLANK_POINTS =
  'Such texts are never shown, but they are stored with the file: delete them in 3D Slicer, in Markups, and save again.';

/** A name of a case that intake accepts and that may be a patient's. */
export function nameWarnings(caseId: string): readonly CaseWarning[] {
  const finding = caseNameFinding(caseId);
  return finding?.level === 'warning'
    ? [{ file: undefined, code: 'NAME', reason: `The case's name ${finding.what}.`, hint: PSEUDONYM }]
    : [];
}

/** Labels from which no model learns, because points are missing. */
export function labelWarnings(
  { use, labels }: CatalogEntry,
  tasks: readonly Task[],
  fileOf: (key: string) => DatasetFile | undefined,
): readonly CaseWarning[] {
  return tasks.flatMap((task): CaseWarning[] => {
    const label = labels[task.id];
    if (!label || isComplete(task, label.classes)) return [];
    const missing = task.classes.filter((_, index) => !label.classes[index + 1]);
    const { length } = task.classes;
    const effect =
      use === 'training' ? `no model learns ${task.id} from this case` : 'the case is scored by its other points';
    const reason = `It has ${length - missing.length} of ${length} points, without ${missing.join(', ')}: ${effect}.`;
    const hint = 'Add the missing points in 3D Slicer, if they can be seen.';
    return [{ file: fileOf(label.key), code: 'INCOMPLETE_LABEL', reason, hint }];
  });
}

/** A header of a NIfTI file with a person's name, or with extensions, which often hold DICOM headers. */
export async function headerWarnings(file: DatasetFile): Promise<readonly CaseWarning[]> {
  if (!/\.nii(\.gz)?$/i.test(file.path)) return [];
  const found = headerTexts(unpacked(await firstBytes(file.path, HEADER_BYTES)));
  if (!found) return [];
  const named = Object.entries(found.texts).filter(([, text]) => textNamesPerson(text));
  const warning = (reason: string): CaseWarning => ({ file, code: 'HEADER_TEXT', reason, hint: BLANK_HEADER });
  return [
    ...named.map(([field]) => warning(`The field ${field} of its header looks like a person's name or date of birth.`)),
    ...(found.hasExtensions ? [warning('Its header has extensions, which may hold names from DICOM.')] : []),
  ];
}

/** Texts of a markups file that name a person: descriptions of points, names of lists. One warning for each kind of text. */
export async function pointWarnings(file: DatasetFile): Promise<readonly CaseWarning[]> {
  if (!/\.mrk\.json$/i.test(file.path)) return [];
  const texts = markupsTexts(Buffer.from(await firstBytes(file.path, MARKUPS_BYTES)).toString());
  const fields = new Set(texts.filter(({ text }) => textNamesPerson(text)).map(({ field }) => field));
  return Array.from(fields, (field) => {
    const reason = `A text "${shownFile(field)}" in it looks like a person's name or date of birth.`;
    return { file, code: 'POINT_TEXT', reason, hint: BLANK_POINTS };
  });
}

/** Enough of a compressed file for any header. */
const HEADER_BYTES = 16_384;
/** Intake refuses larger markups. */
const MARKUPS_BYTES = 1 << 20;

/** The first bytes of a file; none if it cannot be read, which intake tells. */
async function firstBytes(path: string, most: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return new Uint8Array();
  }
}

/** The beginning of a file, unpacked; none if it is damaged, which intake tells. */
function unpacked(first: Uint8Array): Uint8Array {
  try {
    return isGzip(first) ? gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }) : first;
  } catch {
    return new Uint8Array();
  }
}
