import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { caseNameFinding, textNamesPerson } from '../../lib/federation/case-names.ts';
import type { CatalogEntry } from '../../lib/federation/schemas.ts';
import { isComplete, type Task } from '../../lib/federation/tasks.ts';
import { isGzip } from '../../lib/imaging/foreign-formats.ts';
import { headerTexts } from '../../lib/imaging/nifti-texts.ts';
import type { DatasetFile } from '../datasets/dataset.ts';

/** A warning about a file of a case, or about the whole case. */
export interface CaseWarning {
  readonly file: DatasetFile | undefined;
  readonly code: 'NAME' | 'HEADER_TEXT' | 'NO_IMAGE' | 'INCOMPLETE_LABEL' | 'SAME_SCAN';
  readonly reason: string;
  readonly hint: string;
}

const PSEUDONYM = 'If it leads back to the patient, rename the folder to a pseudonym such as p7.';
const BLANK_HEADER =
  'Such texts are never shown, but they are stored with the file: export it again without them, or import it from DICOM.';

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
  const found = headerTexts(await headerBytes(file.path));
  if (!found) return [];
  const named = Object.entries(found.texts).filter(([, text]) => textNamesPerson(text));
  const warning = (reason: string): CaseWarning => ({ file, code: 'HEADER_TEXT', reason, hint: BLANK_HEADER });
  return [
    ...named.map(([field]) => warning(`The field ${field} of its header looks like a person's name or date of birth.`)),
    ...(found.hasExtensions ? [warning('Its header has extensions, which may hold names from DICOM.')] : []),
  ];
}

/** Enough of a compressed file for any header. */
const READ_BYTES = 16_384;

/** The first bytes of a file, unpacked; none if it cannot be read or is damaged, which intake tells. */
async function headerBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(READ_BYTES), 0, READ_BYTES, 0);
      const first = buffer.subarray(0, bytesRead);
      return isGzip(first) ? gunzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }) : first;
    } finally {
      await file.close();
    }
  } catch {
    return new Uint8Array();
  }
}
