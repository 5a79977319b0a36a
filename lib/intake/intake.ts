import { mapConcurrently } from '../async.ts';
import { FedcardioError, isOutage } from '../error.ts';
import { shownFile } from '../federation/case-names.ts';
import { CASE_FOLDERS, type SiteKey, siteKeys } from '../federation/keys.ts';
import { catalogSchema, rejectedSchema } from '../federation/schemas.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import type { Findings } from './examine.ts';
import { type Fault, fault } from './faults.ts';
import { listFiles, readDocuments } from './listing.ts';
import {
  type CaseState,
  examineState,
  type IntakeResult,
  reconcileCase,
  rejectionOf,
  type SiteContext,
} from './reconcile.ts';
import { isConflict, readStored, reconcileDocument } from './stored.ts';

/** Cases that are read concurrently, each with some ranges of its image in memory. */
const CASES_AT_ONCE = 4;
/** Attempts to reconcile a case that keeps changing. After these it waits for the next event. */
const ATTEMPTS = 10;

/**
 * Reconciles the catalog entries and rejections of cases with the objects that are stored now. Idempotent, and safe
 * to call concurrently.
 *
 * A case with an accepted image is in the catalog with its accepted labels; faults of its other files are in
 * `rejected/`. A case without an image is in neither, unless one of its files has a fault.
 *
 * After a write, the case is listed again, and reconciled again if its objects have changed. So the last of several
 * concurrent calls leaves the documents in agreement with the stored objects.
 *
 * @returns by case id the result, or the storage error that prevented it, at least for one label. Faults of objects are part of the
 *   result.
 */
export async function intakeCases(
  context: SiteContext,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, IntakeResult | Error>> {
  const { store } = context;
  const results = new Map<string, IntakeResult | Error>();
  const examinations = new Map<string, Examination>();
  let pending = [...new Set(caseIds)];
  for (let attempt = 0; attempt < ATTEMPTS && pending.length > 0; attempt += 1) {
    const states = await readStates(context, pending).catch((error: unknown) => {
      // Of one document, perhaps, which stops only its own case.
      if (isOutage(error)) throw error;
      return readEach(context, pending, results);
    });
    const written: string[] = [];
    const conflicted: string[] = [];
    await mapConcurrently(states, CASES_AT_ONCE, async ([id, state]) => {
      try {
        const findings = await examineOnce(context, id, state, examinations);
        const { result, wrote } = await reconcileCase(context, id, state, findings);
        results.set(id, findings.denied ?? result);
        if (wrote) written.push(id);
      } catch (error) {
        if (isConflict(error)) conflicted.push(id);
        else results.set(id, error as Error);
      }
    });
    const files = written.length > 0 ? await listFiles(store, written) : new Map<string, []>();
    const changed = written.filter((id) => versionsOf(files.get(id)) !== examinations.get(id)?.versions);
    pending = [...conflicted, ...changed];
  }
  for (const id of pending) results.set(id, keptChanging(siteKeys.catalog(id)));
  return results;
}

/** {@link intakeCases} for one case. Throws the error. */
export async function intakeCase(context: SiteContext, caseId: string): Promise<IntakeResult> {
  const result = (await intakeCases(context, [caseId])).get(caseId);
  if (!result || result instanceof Error) throw result;
  return result;
}

async function readStates(
  { store }: SiteContext,
  caseIds: readonly string[],
): Promise<readonly (readonly [string, CaseState])[]> {
  const [catalog, rejected, files] = await Promise.all([
    readDocuments(store, caseIds, siteKeys.catalog, catalogSchema),
    readDocuments(store, caseIds, siteKeys.rejected, rejectedSchema),
    listFiles(store, caseIds),
  ]);
  return caseIds.map((id) => [
    id,
    { files: files.get(id) ?? [], catalog: catalog.get(id), rejected: rejected.get(id) },
  ]);
}

/** The states of the cases that can be read, one by one, and the errors of the others. */
async function readEach(context: SiteContext, caseIds: readonly string[], errors: Map<string, IntakeResult | Error>) {
  const states = await mapConcurrently(caseIds, CASES_AT_ONCE, (id) =>
    readStates(context, [id]).catch((error: Error) => {
      errors.set(id, error);
      return [];
    }),
  );
  return states.flat();
}

/** The findings for certain versions of a case's objects. */
interface Examination {
  readonly versions: string;
  readonly findings: Findings;
}

/** Reads no version twice in one call. The catalog alone does not ensure that: it does not list rejected files. */
async function examineOnce(
  context: SiteContext,
  caseId: string,
  state: CaseState,
  examinations: Map<string, Examination>,
): Promise<Findings> {
  const versions = versionsOf(state.files);
  const before = examinations.get(caseId);
  if (before?.versions === versions) return before.findings;
  const findings = await examineState(context, caseId, state);
  examinations.set(caseId, { versions, findings });
  return findings;
}

const versionsOf = (files: readonly ObjectInfo<SiteKey>[] = []): string =>
  files.map(({ key, etag }) => `${key} ${etag}`).join('\n');

const keptChanging = (subject: string): FedcardioError =>
  new FedcardioError('STORAGE', `${subject} kept changing during intake.`, {
    hint: 'Nothing is lost: the event is retried.',
  });

/**
 * Reconciles the rejection of an object outside the case folders, such as `cases/scan.nii.gz`, with whether it is stored
 * now. Idempotent, and safe to call concurrently.
 *
 * @param key the object's key; if only its rejection is known, undefined
 */
export async function reconcileStray(
  context: SiteContext,
  rejectedKey: SiteKey,
  key: SiteKey | undefined,
): Promise<IntakeResult> {
  const { store } = context;
  const find = async (at: SiteKey | undefined) =>
    at === undefined || siteKeys.rejectedStray(at) !== rejectedKey ? undefined : store.head(at);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const rejected = await readStored(store, rejectedKey, rejectedSchema);
    const at = key ?? rejected?.value?.objects[0]?.key;
    const stray = await find(at);
    const faults = stray ? [strayFault(stray.key)] : [];
    const wanted = rejectionOf(context, shownFile(nameOf(stray?.key ?? rejectedKey)), faults);
    try {
      const rejection = await reconcileDocument(store, rejectedKey, rejectedSchema, rejected, wanted);
      // Removed or uploaded while the rejection was written: another call may have seen the state before that.
      if (rejection === rejected || (await find(at))?.etag === stray?.etag)
        return { faults, files: stray ? [stray] : [], rejection };
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
  throw keptChanging(key ?? rejectedKey);
}

/** {@link reconcileStray} for an object that an event names. */
export const rejectStray = (context: SiteContext, key: SiteKey): Promise<IntakeResult> =>
  reconcileStray(context, siteKeys.rejectedStray(key), key);

const nameOf = (key: SiteKey): string => key.slice(key.lastIndexOf('/') + 1);

function strayFault(key: SiteKey): Fault {
  const hint = `Upload it as ${CASE_FOLDERS.training}/<case>/image.nii.gz.`;
  return fault(key, 'BAD_KEY', 'The file is not in a case folder.', hint);
}
