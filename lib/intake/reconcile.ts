import { type SiteKey, siteKeys } from '../federation/keys.ts';
import type { CatalogEntry, Rejected } from '../federation/schemas.ts';
import type { ObjectInfo, SiteStore } from '../storage/contract.ts';
import { claimContent } from './duplicates.ts';
import { examineCase, type Findings } from './examine.ts';
import { type Fault, fault } from './faults.ts';
import { reconcileDocument, type Stored } from './stored.ts';

export interface SiteContext {
  readonly store: SiteStore;
  readonly site: string;
  readonly now: () => Date;
}

/** What is stored of a case now. */
export interface CaseState {
  readonly files: readonly ObjectInfo<SiteKey>[];
  readonly catalog: Stored<CatalogEntry> | undefined;
  readonly rejected: Stored<Rejected> | undefined;
}

export interface IntakeResult {
  /** The case's catalog entry as it is stored now; absent where the case is not in the catalog. */
  readonly entry?: Stored<CatalogEntry> | undefined;
  readonly faults: readonly Fault[];
}

/** What a case name may be: it becomes part of keys and file names, and must not invite a patient's name. */
const CASE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What is found in a case's objects. Reads only what the catalog does not know. */
export async function findingsOf(
  { store }: SiteContext,
  caseId: string,
  { files, catalog }: CaseState,
): Promise<Findings> {
  if (CASE_ID.test(caseId)) {
    return examineCase(files, catalog?.value, (...range) => store.getRange(...range));
  }
  const reason = `The case name "${caseId}" is not allowed.`;
  const hint = 'Use a pseudonym of at most 100 letters (a-z, A-Z), digits, dots, hyphens and underscores.';
  const faults = files.map(({ key }) => fault(key, 'BAD_KEY', reason, hint));
  return { use: 'training', labels: {}, faults };
}

/**
 * Makes the catalog and the rejections of a case say what was found.
 *
 * @returns the result, and whether anything had to be written
 * @throws PRECONDITION_FAILED or NOT_FOUND where the state has changed meanwhile: look again
 */
export async function reconcileCase(
  context: SiteContext,
  caseId: string,
  { catalog, rejected }: CaseState,
  found: Findings,
): Promise<{ readonly result: IntakeResult; readonly wrote: boolean }> {
  const { store } = context;
  const findings = await withoutDuplicate(context, caseId, found, catalog?.value);
  const { faults } = findings;
  const entry = await reconcileDocument(store, siteKeys.catalog(caseId), catalog, entryOf(context, caseId, findings));
  const faulty = rejectionOf(context, caseId, faults);
  const rejection = await reconcileDocument(store, siteKeys.rejected(caseId), rejected, faulty);
  return { result: { entry, faults }, wrote: entry !== catalog || rejection !== rejected };
}

/** The findings, or where another case has the same image, those of a bad image. */
async function withoutDuplicate(
  { store }: SiteContext,
  caseId: string,
  findings: Findings,
  known: CatalogEntry | undefined,
): Promise<Findings> {
  const { image, use, faults } = findings;
  if (!image) return findings;
  const { key, etag, sha256 } = image;
  const other = await claimContent(store, sha256, { case: caseId, key, etag }, known?.image.etag === etag);
  if (other === undefined) return findings;
  const reason = `It is the same volume as the image of case ${other}.`;
  const hint = 'If both are one patient, remove this case; otherwise upload the right scan.';
  return { use, labels: {}, faults: [fault(key, 'BAD_IMAGE', reason, hint), ...faults] };
}

function entryOf({ site, now }: SiteContext, caseId: string, findings: Findings): CatalogEntry | undefined {
  const { use, image, labels } = findings;
  return image && { schema: 'fedcardio.catalog/1', site, case: caseId, use, at: now().toISOString(), image, labels };
}

/** What `rejected/` is to say of a case; undefined where nothing is wrong. */
export function rejectionOf(
  { site, now }: SiteContext,
  caseId: string,
  faults: readonly Fault[],
): Rejected | undefined {
  if (faults.length === 0) return undefined;
  const objects = [...faults].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { schema: 'fedcardio.rejected/1', site, case: caseId, at: now().toISOString(), objects };
}
