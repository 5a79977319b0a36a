import { mapConcurrently } from '../async.ts';
import { FedcardioError } from '../error.ts';
import { CASE_FOLDERS, type SiteKey, siteKeys } from '../federation/keys.ts';
import { catalogSchema, rejectedSchema } from '../federation/schemas.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import type { Findings } from './examine.ts';
import { fault } from './faults.ts';
import { listFiles, readOfCases } from './listing.ts';
import {
  type CaseState,
  findingsOf,
  type IntakeResult,
  reconcileCase,
  rejectionOf,
  type SiteContext,
} from './reconcile.ts';
import { isConflict, readStored, reconcileDocument, retryOnConflict } from './stored.ts';

/** Cases that are read at the same time. Of each, some ranges of the image are in memory. */
const CASES_AT_ONCE = 4;
/** Looks at a case that keeps changing, before it is left to the next event. */
const LOOKS = 10;

/**
 * Makes the catalog and the rejections of cases say what follows from the objects that are there now. Safe to call
 * at any time, any number of times, by many at once; the same state twice changes nothing.
 *
 * A case with a good image is in the catalog with its good labels; what is wrong with the rest is in `rejected/`. A
 * case without an image is in neither, unless something else in it is wrong.
 *
 * Whoever has written lists again, and looks again where the objects are others by then: of many at work at once,
 * the last leaves what follows from what is there.
 *
 * @returns by case the result, or the error that kept it from being looked at: of storage, never what is wrong with
 * an object, which is in the result, and in `rejected/`
 */
export async function intakeCases(
  context: SiteContext,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, IntakeResult | Error>> {
  const { store } = context;
  const results = new Map<string, IntakeResult | Error>();
  const seen = new Map<string, Seen>();
  let open = [...new Set(caseIds)];
  for (let look = 0; look < LOOKS && open.length > 0; look += 1) {
    const states = await statesOf(context, open);
    const written: string[] = [];
    const again: string[] = [];
    await mapConcurrently(states, CASES_AT_ONCE, async ([id, state]) => {
      try {
        const found = await lookOnce(context, id, state, seen);
        const { result, wrote } = await reconcileCase(context, id, state, found);
        results.set(id, result);
        if (wrote) written.push(id);
      } catch (error) {
        if (isConflict(error)) again.push(id);
        else results.set(id, error as Error);
      }
    });
    const files = written.length > 0 ? await listFiles(store, written) : new Map<string, []>();
    open = [...again, ...written.filter((id) => versionsOf(files.get(id)) !== seen.get(id)?.versions)];
  }
  for (const id of open) results.set(id, keptChanging(id));
  return results;
}

/** {@link intakeCases} of one. */
export async function intakeCase(context: SiteContext, caseId: string): Promise<IntakeResult> {
  const result = (await intakeCases(context, [caseId])).get(caseId);
  if (!result || result instanceof Error) throw result;
  return result;
}

async function statesOf(
  { store }: SiteContext,
  caseIds: readonly string[],
): Promise<readonly (readonly [string, CaseState])[]> {
  const [catalog, rejected, files] = await Promise.all([
    readOfCases(store, caseIds, siteKeys.catalog, catalogSchema),
    readOfCases(store, caseIds, siteKeys.rejected, rejectedSchema),
    listFiles(store, caseIds),
  ]);
  return caseIds.map((id) => [
    id,
    { files: files.get(id) ?? [], catalog: catalog.get(id), rejected: rejected.get(id) },
  ]);
}

/** What was found in which versions of a case's objects. */
interface Seen {
  readonly versions: string;
  readonly findings: Findings;
}

/** Nothing is read twice in one call, bad images included, which the catalog does not remember. */
async function lookOnce(
  context: SiteContext,
  caseId: string,
  state: CaseState,
  seen: Map<string, Seen>,
): Promise<Findings> {
  const versions = versionsOf(state.files);
  const before = seen.get(caseId);
  if (before?.versions === versions) return before.findings;
  const findings = await findingsOf(context, caseId, state);
  seen.set(caseId, { versions, findings });
  return findings;
}

const versionsOf = (files: readonly ObjectInfo<SiteKey>[] = []): string =>
  files.map(({ key, etag }) => `${key} ${etag}`).join('\n');

const keptChanging = (caseId: string): FedcardioError =>
  new FedcardioError('STORAGE', `Case ${caseId} kept changing while it was looked at.`, {
    hint: 'Nothing is lost: it is tried again.',
  });

/**
 * Notes that an object lies beside the case folders (`cases/scan.nii.gz`), where it belongs to no case.
 */
export async function rejectStray(context: SiteContext, key: SiteKey): Promise<IntakeResult> {
  const { store } = context;
  const name = key.slice(key.lastIndexOf('/') + 1);
  const hint = `Upload it as ${CASE_FOLDERS.training}/<case>/image.nii.gz.`;
  const faults = [fault(key, 'BAD_KEY', 'The file lies in no case folder.', hint)];
  const rejectedKey = siteKeys.rejected(name);
  await retryOnConflict(key, async () => {
    const rejected = await readStored(store, rejectedKey, rejectedSchema);
    await reconcileDocument(store, rejectedKey, rejected, rejectionOf(context, name, faults));
  });
  return { faults };
}
