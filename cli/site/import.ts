import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import type { DicomImport, ImportedSeries } from '../../lib/dicom/import.ts';
import { FedcardioError } from '../../lib/error.ts';
import { printable } from '../../lib/printable.ts';
import { counted } from '../../lib/report/format.ts';
import { onInterrupt } from '../interrupt.ts';
import { percent } from '../options.ts';
import { printJson } from '../print-json.ts';
import { importProgress } from './import-progress.ts';
import { noSeries } from './no-series.ts';

interface ImportFlags {
  readonly out: string;
  readonly secretDir?: string;
  readonly phase?: number;
  readonly json?: boolean;
}

/** `fedcardio site import <dir>`: DICOM series to case folders. */
export const importCommand = (): Command =>
  new Command('import')
    .argument('<dir>', 'folder of DICOM files, as exported from a PACS; file names do not matter')
    .description('Convert DICOM CT series to case folders with pseudonyms, or say why a series cannot be used.')
    .requiredOption('--out <cases>', 'folder for <case>/image.nii.gz')
    .option('--secret-dir <dir>', 'folder of the secret and the map of pseudonyms (default: <cases>/.fedcardio)')
    .option('--phase <percent>', 'heart phase to take from a series with several (default: nearest to 75)', percent)
    .option('--json', 'print the result as JSON on standard output')
    .addHelpText(
      'after',
      `
Every CT series that makes a volume becomes a case. Cases of one patient begin with the same letters.
Localizers, reports and other modalities are passed over. The exit code is 1 if a CT series was
refused or nothing was imported. The same command again imports what is new or has changed.

Secret and map tell whose a case is: keep them, and never upload them (docs/dicom.md).

Examples:
  npx fedcardio site import /media/cdrom --out cases
  npx fedcardio site import export-2026-03 --out cases --secret-dir /secure/fedcardio --phase 40 --json`,
    )
    .action(importDir);

async function importDir(dir: string, { out, secretDir, phase, json }: ImportFlags): Promise<void> {
  requireOutside(dir, out);
  const { importDicom } = await import('../../lib/dicom/import.ts');
  const { signal, release } = onInterrupt();
  const progress = importProgress(process.stderr);
  let result: DicomImport;
  try {
    result = await importDicom(dir, out, { secretDir, phase, signal, onProgress: progress.show });
  } finally {
    progress.end();
    release();
  }
  for (const { series, images, reason } of result.passedOver) {
    console.error(printable(`${series}: passed over, ${counted(images, 'image')}. ${reason}`));
  }
  // An error tells of them if they are all there is.
  if (result.series.length > 0 && result.otherFiles > 0) console.error(othersText(result));
  if (json) printJson('dicom-import', importJson(result));
  else console.log(importText(result, out));
  if (result.series.some((one) => one.case === null)) process.exitCode = 1;
  if (result.series.length === 0) throw noSeries(result);
}

/**
 * Cases within the export would be read with it, and its secret would be copied and given away with it.
 *
 * @throws BAD_CONFIGURATION if `out` is the export itself or below it
 */
function requireOutside(dir: string, out: string): void {
  const way = relative(realOf(dir), realOf(out));
  if (way.startsWith('..') || resolve(way) === way) return;
  throw new FedcardioError('BAD_CONFIGURATION', `The folder ${out} of the cases lies in the export ${dir}.`, {
    hint: 'Choose a folder outside it with --out, such as one beside it.',
  });
}

/** A path without links. Its last folders may not exist yet. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const above = dirname(resolve(path));
    return above === resolve(path) ? above : join(realOf(above), basename(path));
  }
}

/** "2 files that are not DICOM were passed over, 1 of them a ZIP archive: unpack it." */
function othersText({ otherFiles, zipFiles = 0 }: DicomImport): string {
  const files = otherFiles === 1 ? '1 file that is not DICOM was' : `${otherFiles} files that are not DICOM were`;
  const zips = zipFiles === 1 ? 'a ZIP archive: unpack it' : 'ZIP archives: unpack them';
  return `${files} passed over${zipFiles > 0 ? `, ${zipFiles} of them ${zips}` : ''}.`;
}

/** The result for programs. */
const importJson = ({ series, passedOver }: DicomImport) => ({
  series: series.map(({ series: name, case: id, reason, hint }) => ({ series: name, case: id, reason, hint })),
  passedOver: passedOver.map(({ series: name, reason }) => ({ series: name, reason })),
});

function importText({ series }: DicomImport, out: string): string {
  const refused = series.filter(({ case: id }) => id === null);
  const imported = series.filter(({ isNew }) => isNew).length;
  const known = series.length - refused.length - imported;
  return [
    `${imported} imported to ${out}, ${known} there already, ${refused.length} refused.`,
    ...refused.map(refusedLine),
  ]
    .map(printable)
    .join('\n');
}

/** A refused series in one line. */
const refusedLine = ({ series, reason, hint }: ImportedSeries): string => `${series}: ${reason} ${hint}`;
