import { relative } from 'node:path';
import { mapConcurrently } from '../../lib/async.ts';
import { systemError } from '../../lib/error.ts';
import { patientOf, shownKey } from '../../lib/federation/case-names.ts';
import { CASE_FOLDERS, siteKeys } from '../../lib/federation/keys.ts';
import type { CatalogEntry } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { groupBy } from '../../lib/group-by.ts';
import { CONVERT_DICOM } from '../../lib/imaging/foreign-formats.ts';
import { intakeCases } from '../../lib/intake/intake.ts';
import type { IntakeResult, SiteContext } from '../../lib/intake/reconcile.ts';
import { createPairFinder } from '../../lib/intake/same-scan.ts';
import { type DatasetCase, type DatasetFile, isImage, type StrayFile } from '../datasets/dataset.ts';
import { patientsOnBothSides } from '../datasets/split.ts';
import { commandLine } from '../shell-words.ts';
import { type CaseWarning, headerWarnings, labelWarnings, nameWarnings, pointWarnings } from './case-warnings.ts';
import type { CheckedCase, FileFinding } from './checked-case.ts';
import { openFolderStore } from './folder-store.ts';
import type { SiteFolder } from './site-folder.ts';
import { strayFindings } from './stray-files.ts';

/** Cases that are handed to intake together. */
const BATCH = 20;
const READS_AT_ONCE = 16;

export interface CheckOptions {
  /** The federation's tasks. */
  readonly tasks: readonly Task[];
  readonly signal?: AbortSignal;
  readonly onChecked?: (done: number, total: number) => void;
}

/**
 * What intake would say of each case of a folder, by running intake on it. CTs are read once, in ranges; nothing leaves the
 * machine. Faults and warnings of one case never stop the others.
 *
 * @returns cases sorted by name; the files beside them, and what cannot be read, as the case "."
 * @throws FedcardioError that names the file if one cannot be read
 */
export async function checkFolder(folder: SiteFolder, options: CheckOptions): Promise<readonly CheckedCase[]> {
  const { dir, cases, strays } = folder;
  const byId = groupBy(cases, ({ id }) => id);
  const files = cases.flatMap((one) => one.files.map((file) => ({ key: objectKey(one, file), path: file.path })));
  const context: SiteContext = {
    store: await openFolderStore(dir, files),
    site: 'check',
    tasks: options.tasks,
    now: () => new Date(),
  };
  const ids = [...byId.keys()].sort();
  const results = new Map<string, IntakeResult>();
  for (let from = 0; from < ids.length; from += BATCH) {
    options.signal?.throwIfAborted();
    for (const [id, result] of await intakeCases(context, ids.slice(from, from + BATCH))) {
      if (result instanceof Error) throw systemError(result) ?? result;
      results.set(id, result);
    }
    options.onChecked?.(results.size, ids.length);
  }
  const twins = sameScans([...results.values()].flatMap(({ entry }) => entry?.value ?? []));
  const divided = new Set(patientsOnBothSides(cases));
  const checked = await mapConcurrently(byId, READS_AT_ONCE, async ([id, parts]) => {
    const one = await checkedCase(dir, id, parts, results.get(id) as IntakeResult, options.tasks, twins.get(id));
    return divided.has(patientOf(id)) ? { ...one, warnings: [...one.warnings, { file: id, ...SAME_PATIENT }] } : one;
  });
  const beside = await checkedStrays(dir, strays);
  return [...beside, ...checked.toSorted((a, b) => (a.case < b.case ? -1 : 1))];
}

const objectKey = ({ use, id }: DatasetCase, { name }: DatasetFile) =>
  siteKeys.ofEvent(`${CASE_FOLDERS[use]}/${id}/${name}`);

/** @param twin the case that may be of the same scan */
async function checkedCase(
  dir: string,
  id: string,
  parts: readonly DatasetCase[],
  { entry, faults }: IntakeResult,
  tasks: readonly Task[],
  twin: string | undefined,
): Promise<CheckedCase> {
  // Faults name keys as a log may show them.
  const byKey = new Map(parts.flatMap((one) => one.files.map((file) => [shownKey(objectKey(one, file)), file])));
  const files = parts.flatMap((one) => one.files);
  const hasImage = files.some(isImage);
  const warnings: readonly CaseWarning[] = [
    ...nameWarnings(id),
    ...(hasImage || faults.length > 0 ? [] : [NO_IMAGE]),
    ...(entry?.value ? labelWarnings(entry.value, tasks, (key) => byKey.get(shownKey(key))) : []),
    ...(twin === undefined ? [] : [sameScan(twin)]),
    ...(await mapConcurrently(files, READS_AT_ONCE, headerWarnings)).flat(),
    ...(await mapConcurrently(files, READS_AT_ONCE, pointWarnings)).flat(),
  ];
  const pathOf = (file: DatasetFile | undefined) => (file ? relative(dir, file.path) : id);
  return {
    case: id,
    accepted: entry !== undefined,
    faults: faults.map(({ key, code, reason, hint = '' }) => {
      const file = byKey.get(key);
      return withImport(dir, { file: pathOf(file), code, reason, hint });
    }),
    warnings: warnings.map(({ file, code, reason, hint }) => ({ file: pathOf(file), code, reason, hint })),
  };
}

const NO_IMAGE: CaseWarning = {
  file: undefined,
  code: 'NO_IMAGE',
  reason: 'The case has no CT. Its labels wait for one.',
  hint: 'Add image.nii.gz, unless the CT is uploaded already.',
};

const sameScan = (twin: string): CaseWarning => ({
  file: undefined,
  code: 'SAME_SCAN',
  reason: `Its CT and that of case ${twin} look like parts of one scan; one is to train on and one is held out.`,
  hint: 'If they are of one patient, leave one of them out.',
});

export const SAME_PATIENT = {
  code: 'SAME_PATIENT',
  reason: 'By its name, the patient of this case has cases to train on and held-out ones. Scores would be too good.',
  hint: 'Keep all cases of the patient on one side.',
} as const;

/** Training cases and held-out cases that look like parts of one scan, each with the other. */
function sameScans(entries: readonly CatalogEntry[]): ReadonlyMap<string, string> {
  const pairs = createPairFinder().find(
    entries.map(({ case: id, use, image }) => ({ case: id, use, sketch: image.sketch })),
  );
  return new Map(
    pairs.flatMap(({ training, heldOut }) => [[training, heldOut] as const, [heldOut, training] as const]),
  );
}

async function checkedStrays(dir: string, strays: readonly StrayFile[]): Promise<readonly CheckedCase[]> {
  const findings = await strayFindings(strays);
  if (findings.length === 0) return [];
  const of = (isFault: boolean, code: string) =>
    findings
      .filter((finding) => finding.isFault === isFault)
      .map(({ file, reason, hint }) => withImport(dir, { file: relative(dir, file.path), code, reason, hint }));
  return [{ case: '.', accepted: false, faults: of(true, 'BAD_KEY'), warnings: of(false, 'BESIDE') }];
}

/** Tells the command that converts a DICOM series. */
function withImport(dir: string, finding: FileFinding): FileFinding {
  if (finding.hint !== CONVERT_DICOM) return finding;
  const command = commandLine(['npx', 'fedcardio', 'site', 'import', dir, '--out', 'CASES']);
  return { ...finding, hint: `DICOM must be imported first: ${command}` };
}
