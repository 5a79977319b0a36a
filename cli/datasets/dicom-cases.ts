import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeImage } from '../../lib/dicom/case-image.ts';
import { contentOf } from '../../lib/dicom/content.ts';
import { type ImportProgress, importDicom } from '../../lib/dicom/import.ts';
import { inspectDicom } from '../../lib/dicom/inspect.ts';
import { isDicomFile } from '../../lib/dicom/read-file.ts';
import { readVolume } from '../../lib/dicom/read-volume.ts';
import { describeError, FedcardioError, isFedcardioError } from '../../lib/error.ts';
import { entriesBelow } from '../../lib/folder.ts';
import { readNifti } from '../../lib/imaging/nifti-read.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { orientationOf } from '../../lib/imaging/orientation.ts';
import { reorient } from '../../lib/imaging/reorient.ts';
import { printable } from '../../lib/printable.ts';
import { listCaseFolders } from './case-folders.ts';
import { type Dataset, type DatasetCase, type DatasetFile, isImage } from './dataset.ts';

/** Where converted CTs go, and who is told of progress and refusals. */
export interface DicomConversion {
  /** Folder of converted CTs. A later run takes from it what has not changed. */
  readonly cache: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * Reads a folder of cases whose CTs are DICOM: `<case>/dicom/…` or DICOM files in `<case>` itself, with `<case>/labels/`
 * beside. A folder without such cases is taken for an export of a PACS, whose series become cases without labels. A CT that
 * cannot be used is told, and its case has no image.
 *
 * @returns undefined if no case needs a conversion
 */
export async function readDicomCases(dir: string, conversion: DicomConversion): Promise<Dataset | undefined> {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory() || existsSync(join(dir, 'dataset.json')))
    return undefined;
  const { cases, strays } = listCaseFolders(dir);
  if (cases.some(isCaseFolder)) {
    if (!cases.some(needsConversion)) return undefined;
    const converted: DatasetCase[] = [];
    for (const one of cases) converted.push(needsConversion(one) ? await convertCase(one, conversion) : one);
    return { cases: converted, strays, tasks: [] };
  }
  if (!hasDicom(dir)) return undefined;
  const { cache, signal, say } = conversion;
  // The cache follows the folder, whatever was in it before.
  const isStored = () => false;
  const { series } = await importDicom(dir, cache, { signal, isStored, onProgress: (progress) => tell(progress, say) });
  // The folder of converted CTs may also hold those of an earlier export.
  const imported = new Set(series.map((one) => one.case));
  return { cases: listCaseFolders(cache).cases.filter(({ id }) => imported.has(id)), strays: [], tasks: [] };
}

function tell(progress: ImportProgress, say: (line: string) => void): void {
  if (progress.kind !== 'series') return;
  const { series, case: id, reason, hint } = progress.result;
  say(printable(id === null ? `${series}: ${reason} ${hint}` : `${series}: ${id}`));
}

/** A folder in the layout of a site's bucket, or with a folder `dicom`. */
const isCaseFolder = ({ files }: DatasetCase): boolean => files.some((file) => isImage(file) || LAYOUT.test(file.name));
const LAYOUT = /^(?:dicom|labels)\//i;

const needsConversion = ({ files }: DatasetCase): boolean =>
  !files.some(isImage) && files.some(({ name, path }) => !name.startsWith('labels/') && isDicomFile(path));

function hasDicom(dir: string): boolean {
  for (const { kind, path } of entriesBelow(dir, (name) => name.startsWith('.'))) {
    if (kind === 'file' && isDicomFile(path)) return true;
  }
  return false;
}

/** The case with its DICOM files replaced by the volume that they make. */
async function convertCase(one: DatasetCase, conversion: DicomConversion): Promise<DatasetCase> {
  const { say } = conversion;
  const labels = one.files.filter(({ name }) => name.startsWith('labels/'));
  try {
    const path = await convert(one, labels, conversion);
    return { ...one, files: [{ name: 'image.nii.gz', path }, ...labels] };
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_IMAGE')) throw error;
    say(printable(`${one.id}: ${describeError(error)}`));
    return { ...one, files: labels };
  }
}

function folderOf({ files }: DatasetCase): string {
  const [{ name, path }] = files as readonly [DatasetFile, ...DatasetFile[]];
  return path.slice(0, -name.length);
}

/** The file that says which images a converted CT was made from. */
const CONTENT = '.content';

/** @returns the path of the CT */
async function convert(
  one: DatasetCase,
  labels: readonly DatasetFile[],
  { cache, signal, say }: DicomConversion,
): Promise<string> {
  const folder = join(cache, one.use, one.id);
  const { volumes, refused } = await inspectDicom(folderOf(one), { signal });
  const [volume, ...more] = volumes;
  if (!volume) {
    const [first] = refused;
    throw new FedcardioError('BAD_IMAGE', first?.reason ?? 'It holds no CT series.', { hint: first?.hint });
  }
  if (more.length > 0) {
    throw new FedcardioError('BAD_IMAGE', `It holds ${volumes.length} CT series; a case has one.`, {
      hint: 'Leave the series of the label in the folder, and remove the others.',
    });
  }
  for (const { series, reason, hint } of refused) {
    say(printable(`${one.id}: ${series} is left out: ${reason} ${hint}`));
  }
  const order = orderOfAxes(labels);
  const content = `${await contentOf(volume, signal)} ${order ?? ''}`;
  const [image, note] = [join(folder, 'image.nii.gz'), join(folder, CONTENT)];
  if (existsSync(image) && existsSync(note) && readFileSync(note, 'utf8') === content) return image;
  const ct = await readVolume(volume, { signal });
  // An interrupted run must not leave a note beside another image.
  rmSync(note, { force: true });
  writeImage(folder, writeNifti(order === undefined ? ct : reorient(ct, order)));
  writeFileSync(note, content);
  return image;
}

/**
 * The directions in which the axes of a class map run. Programs that draw on DICOM do not agree on them, and intake wants
 * CT and label to run alike.
 */
function orderOfAxes(labels: readonly DatasetFile[]): string | undefined {
  const map = labels.find(({ name }) => /\.nii(\.gz)?$/.test(name));
  if (!map) return undefined;
  try {
    return orientationOf(readNifti(readFileSync(map.path)).affine);
  } catch (error) {
    // Intake says what is wrong with the label.
    if (!isFedcardioError(error)) throw error;
    return undefined;
  }
}
