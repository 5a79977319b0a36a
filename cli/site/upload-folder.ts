import { patientOf } from '../../lib/federation/case-names.ts';
import type { CaseUse } from '../../lib/federation/keys.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import type { WaitOut } from '../../lib/storage/outages.ts';
import type { DatasetCase } from '../datasets/dataset.ts';
import { IDENTIFYING } from './case-warnings.ts';
import { checkFolder, SAME_PATIENT } from './check-folder.ts';
import type { CheckedCase, FileFinding } from './checked-case.ts';
import type { SiteFolder } from './site-folder.ts';
import { acceptedFiles } from './storable-files.ts';
import { uploadFiles } from './upload-files.ts';
import { elsewhereReason, otherSide, type PendingFile, planUpload, type UploadPlan } from './upload-plan.ts';
import type { UploadRecord } from './upload-record.ts';

/** How far an upload is. */
export interface UploadProgress {
  readonly files: number;
  readonly ofFiles: number;
  readonly bytes: number;
  readonly ofBytes: number;
}

export interface UploadFolderOptions {
  readonly tasks: readonly Task[];
  readonly record: UploadRecord;
  /** Cases that are uploaded at the same time. */
  readonly parallel: number;
  /** Whether files are examined before they are uploaded. */
  readonly checks: boolean;
  /** Whether files that the check refuses are uploaded nevertheless, except under a patient's name. */
  readonly uploadsRefused: boolean;
  /** The command that takes a case back from a side, training or held out. */
  readonly wayBack: (caseId: string, use: CaseUse) => string;
  readonly signal: AbortSignal;
  readonly waitOut: WaitOut;
  readonly onProgress?: (progress: UploadProgress) => void;
}

export interface UploadedFolder {
  readonly uploaded: { readonly files: number; readonly bytes: number };
  /** Files that were stored already. */
  readonly stored: number;
  /** Cases with files that were not uploaded because intake would refuse them. */
  readonly refused: readonly CheckedCase[];
  /** Of cases with something new: names and texts that may lead back to a patient, and patients on both sides. */
  readonly warnings: readonly FileFinding[];
  /** Names of the cases that have a stored file now. */
  readonly cases: ReadonlySet<string>;
}

/** Cases that are checked and then uploaded together, so that the upload of a large folder begins at once. */
const CHUNK = 50;

/** Uploads what is new in a folder, chunk by chunk: each is checked, then uploaded. */
export async function uploadFolder(
  store: SiteStore,
  folder: SiteFolder,
  options: UploadFolderOptions,
): Promise<UploadedFolder> {
  const plan = await planUpload(store, folder.cases, options.record, options.signal);
  const progress = createProgress(plan, options.onProgress);
  const refused = plan.elsewhere.map((one) => misplaced(one, folder.cases, options.wayBack));
  const isDivided = ({ one: { id }, pending }: Planned) => pending.length > 0 && plan.divided.has(patientOf(id));
  const warnings: FileFinding[] = plan.cases
    .filter(isDivided)
    .map(({ one: { id } }) => ({ file: id, ...SAME_PATIENT }));
  // Files beside the cases are checked once.
  let strays = folder.strays;
  for (let from = 0; from === 0 || from < plan.cases.length; from += CHUNK) {
    const chunk = plan.cases.slice(from, from + CHUNK);
    const part = { ...folder, cases: chunk.map(({ one }) => one), strays };
    const found = options.checks ? await checkFolder(part, options) : [];
    strays = [];
    warnings.push(...found.flatMap((one) => one.warnings.filter(({ code }) => IDENTIFYING.has(code))));
    const faulty = found.filter(({ faults }) => faults.length > 0);
    const wanted = options.uploadsRefused
      ? chunk.map(({ pending }) => pending)
      : chunk.map(({ one, pending }) => {
          const checked = found.find((candidate) => candidate.case === one.id);
          const accepted = new Set(acceptedFiles(folder.dir, one, checked, options.tasks));
          return pending.filter(({ file }) => accepted.has(file));
        });
    refused.push(...(options.uploadsRefused ? faulty.filter(({ case: id }) => !isUploaded(id, chunk)) : faulty));
    progress.leaveOut(chunk.flatMap(({ pending }) => pending).length, wanted.flat());
    await uploadFiles(store, wanted, { ...options, onBytes: progress.addBytes, onFile: progress.addFile });
  }
  const notStored = new Set(refused.filter(({ accepted }) => !accepted).map((one) => one.case));
  const cases = folder.cases.map(({ id }) => id).filter((id) => !notStored.has(id));
  return { uploaded: progress.uploaded(), stored: plan.stored, refused, warnings, cases: new Set(cases) };
}

/** A case that would move from training to held out or back, which nobody may notice: scores and models change with it. */
function misplaced(
  one: DatasetCase,
  all: readonly DatasetCase[],
  wayBack: UploadFolderOptions['wayBack'],
): CheckedCase {
  const { id } = one;
  const from = otherSide(one.use);
  const reason = elsewhereReason(one);
  const hint = `To move it, take it back there first, then upload again: ${wayBack(id, from)}`;
  // The folder may also hold the case on the side where it is stored.
  const accepted = all.some((other) => other.id === id && other.use === from);
  return { case: id, accepted, faults: [{ file: id, code: 'BAD_KEY', reason, hint }], warnings: [] };
}

type Planned = UploadPlan['cases'][number];

const isUploaded = (id: string, chunk: readonly Planned[]): boolean =>
  chunk.some(({ one, pending }) => one.id === id && pending.length > 0);

function createProgress({ cases }: UploadPlan, onProgress: UploadFolderOptions['onProgress'] = () => undefined) {
  const all = cases.flatMap(({ pending }) => pending);
  const bytesOf = (files: readonly PendingFile[]) => files.reduce((sum, { bytes }) => sum + bytes, 0);
  let [files, ofFiles, bytes, ofBytes] = [0, all.length, 0, bytesOf(all)];
  let passed = 0;
  const tell = () => onProgress({ files, ofFiles, bytes, ofBytes });
  return {
    uploaded: () => ({ files, bytes }),
    addBytes(count: number) {
      bytes += count;
      tell();
    },
    addFile() {
      files += 1;
      tell();
    },
    /** The next `planned` files are only these. */
    leaveOut(planned: number, wanted: readonly PendingFile[]) {
      const chunk = all.slice(passed, passed + planned);
      passed += planned;
      ofFiles -= planned - wanted.length;
      ofBytes -= bytesOf(chunk) - bytesOf(wanted);
    },
  };
}
