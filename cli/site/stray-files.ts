import { open } from 'node:fs/promises';
import { mapConcurrently } from '../../lib/async.ts';
import { isFedcardioError } from '../../lib/error.ts';
import { entryFaultOf } from '../../lib/folder.ts';
import { groupBy } from '../../lib/group-by.ts';
import { CONVERT_DICOM, foreignFormatOf, rejectForeignFormat } from '../../lib/imaging/foreign-formats.ts';
import type { DatasetFile, StrayFile } from '../datasets/dataset.ts';

/** What a file beside the folders of cases is, or why an entry of any folder cannot be read. */
export interface StrayFinding {
  readonly file: DatasetFile;
  readonly isFault: boolean;
  readonly reason: string;
  readonly hint: string;
}

const READS_AT_ONCE = 32;
/** Bytes that tell a file's format. */
const FIRST_BYTES = 600;
const IN_A_CASE = 'Put it into the folder of its case: <case>/image.nii.gz, or <case>/labels/<task>.nii.gz.';

/** One finding for all files of a format, and for all entries of a fault: a DICOM series has hundreds. */
export async function strayFindings(files: readonly StrayFile[]): Promise<readonly StrayFinding[]> {
  const [unusable, readable] = [files.filter(isUnusable), files.filter((file) => !isUnusable(file))];
  return [...unusableFindings(unusable), ...(await formatFindings(readable))];
}

type Unusable = StrayFile & Required<Pick<StrayFile, 'fault'>>;
const isUnusable = (file: StrayFile): file is Unusable => file.fault !== undefined;

const unusableFindings = (entries: readonly Unusable[]): readonly StrayFinding[] =>
  Array.from(groupBy(entries, ({ fault }) => fault.reason).values(), (group) => {
    const [file] = group as unknown as readonly [Unusable];
    const { reason, hint } = file.fault;
    const others = group.length === 1 ? '' : ` The same is true of ${group.length - 1} more, to ${group.at(-1)?.name}.`;
    return { file, isFault: true, reason: `${reason}${others}`, hint };
  });

async function formatFindings(files: readonly DatasetFile[]): Promise<readonly StrayFinding[]> {
  const found = await mapConcurrently(files, READS_AT_ONCE, async (file) => ({ file, ...(await formatOf(file)) }));
  return [...groupBy(found, ({ what }) => what).values()].map((group) => {
    const [first] = group as unknown as [(typeof group)[number]];
    const last = group.at(-1) as typeof first;
    const subject =
      group.length === 1 ? 'It is' : `These ${group.length} files (${first.file.name} to ${last.file.name}) are`;
    const { file, what, isFault, hint } = first;
    const reason = `${subject} not in the folder of a case${what === '' ? '' : `: ${what}`}.`;
    return { file, isFault, reason, hint };
  });
}

/** Whether a file looks like one that was meant to be uploaded, and why it cannot be. */
async function formatOf({
  name,
  path,
}: DatasetFile): Promise<Omit<StrayFinding, 'file' | 'reason'> & { what: string }> {
  if (/\.nii(\.gz)?$|\.mrk\.json$/i.test(name)) return { what: '', isFault: true, hint: IN_A_CASE };
  try {
    rejectForeignFormat(await firstBytes(path));
  } catch (error) {
    if (!isFedcardioError(error)) {
      const { reason, hint } = entryFaultOf(error);
      return { what: sentenceOf(reason), isFault: true, hint };
    }
    if (error.code !== 'BAD_IMAGE') throw error;
    const { message, hint = IN_A_CASE } = error;
    return { what: sentenceOf(message), isFault: hint === CONVERT_DICOM, hint };
  }
  const format = foreignFormatOf(name, false);
  return format
    ? { what: `it is ${format.one}`, isFault: format.hint === CONVERT_DICOM, hint: format.hint }
    : { what: '', isFault: false, hint: 'It is not uploaded.' };
}

/** "It is a single DICOM slice, not a NIfTI volume." as a part of a sentence. */
const sentenceOf = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1).replace(/\.$/, '');

async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
