import { caseNameFinding, shownName } from '../federation/case-names.ts';
import { type SiteKey, siteKeys } from '../federation/keys.ts';
import { type CatalogEntry, catalogSchema, type Rejected, rejectedSchema } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import type { IntakeStore, ObjectInfo } from '../storage/contract.ts';
import { type Claimant, claimContent } from './duplicates.ts';
import { examineCase, type Findings } from './examine.ts';
import { boundedFaults, byKey, type Fault, fault } from './faults.ts';
import { reconcileDocument, type Stored } from './stored.ts';

export interface SiteContext {
  readonly store: IntakeStore;
  readonly site: string;
  /** The federation's tasks. */
  readonly tasks: readonly Task[];
  readonly now: () => Date;
  /** Whether points are read again although the catalog knows them. For a rescan: the task's classes may have other names. */
  readonly rereadPoints?: boolean;
}

/** The current objects of a case, and intake's documents about it. */
export interface CaseState {
  readonly files: readonly ObjectInfo<SiteKey>[];
  readonly catalog: Stored<CatalogEntry> | undefined;
  readonly rejected: Stored<Rejected> | undefined;
}

export interface IntakeResult {
  /** The case's stored catalog entry; absent if the case is not in the catalog. */
  readonly entry?: Stored<CatalogEntry> | undefined;
  readonly faults: readonly Fault[];
  /** The objects that were examined. */
  readonly files: readonly ObjectInfo<SiteKey>[];
  /** The stored rejection; absent if there are no faults. */
  readonly rejection?: Stored<Rejected> | undefined;
  /** The image of another case that has the same volume. The result holds until it is removed or replaced. */
  readonly duplicateOf?: Claimant | undefined;
}

/**
 * Examines a case's objects. Reads only those that the catalog does not know, and none of a case whose name is refused: that has one
 * fault, which does not repeat the name, under the key of the first file.
 */
export async function examineState(
  { store, tasks, rereadPoints = false }: SiteContext,
  caseId: string,
  { files, catalog }: CaseState,
): Promise<Findings> {
  const finding = caseNameFinding(caseId);
  if (finding?.level !== 'fault') {
    const known = catalog?.value && (rereadPoints ? withoutPoints(catalog.value) : catalog.value);
    const findings = await examineCase(files, known, (...range) => store.getRange(...range), tasks);
    return { ...findings, faults: boundedFaults(findings.faults) };
  }
  const first = files.toSorted(byKey).slice(0, 1);
  const faults = first.map(({ key }) => fault(key, 'BAD_KEY', `The case's name ${finding.what}.`, PSEUDONYM));
  return { use: 'training', labels: {}, faults };
}

const withoutPoints = (entry: CatalogEntry): CatalogEntry => ({
  ...entry,
  labels: Object.fromEntries(Object.entries(entry.labels).filter(([, { format }]) => format !== 'markups')),
});

const PSEUDONYM =
  'Remove the folder, and upload the case under a pseudonym such as p7: at most 100 letters, digits, dots, hyphens, underscores.';

/**
 * Writes a case's catalog entry and rejections so that they agree with the findings.
 *
 * @returns the result, and whether anything was written
 * @throws PRECONDITION_FAILED or NOT_FOUND if the state changed in the meantime: reconcile again
 */
export async function reconcileCase(
  context: SiteContext,
  caseId: string,
  { files, catalog, rejected }: CaseState,
  examined: Findings,
): Promise<{ readonly result: IntakeResult; readonly wrote: boolean }> {
  const { store } = context;
  const { duplicateOf, ...findings } = await rejectDuplicate(context, caseId, examined, catalog?.value);
  const { faults } = findings;
  const accepted = entryOf(context, caseId, findings);
  const entry = await reconcileDocument(store, siteKeys.catalog(caseId), catalogSchema, catalog, accepted);
  const wanted = rejectionOf(context, caseId, faults);
  const earlier = siteKeys.rejectedByName(caseId);
  // Deleting what does not exist would add a delete marker, whose key has the name.
  if (shownName(caseId) !== caseId && (await store.head(earlier))) await store.delete(earlier);
  const rejection = await reconcileDocument(store, siteKeys.rejected(caseId), rejectedSchema, rejected, wanted);
  return {
    result: { entry, faults, files, rejection, duplicateOf },
    wrote: entry !== catalog || rejection !== rejected,
  };
}

/** Replaces the findings by a fault of the image if another case has the same volume. */
async function rejectDuplicate(
  { store }: SiteContext,
  caseId: string,
  findings: Findings,
  known: CatalogEntry | undefined,
): Promise<Findings & Pick<IntakeResult, 'duplicateOf'>> {
  const { image, use, faults } = findings;
  if (!image) return findings;
  const { key, etag, sha256, content = sha256 } = image;
  const duplicateOf = await claimContent(store, content, { case: caseId, key, etag }, known?.image.etag === etag);
  if (!duplicateOf) return findings;
  const reason = `It is the same volume as the image of case ${shownName(duplicateOf.case)}.`;
  const hint = 'If both cases are the same patient, remove this one; otherwise upload the right scan.';
  return { use, labels: {}, faults: [fault(key, 'BAD_IMAGE', reason, hint), ...faults], duplicateOf };
}

function entryOf({ site, now }: SiteContext, caseId: string, findings: Findings): CatalogEntry | undefined {
  const { use, image, labels } = findings;
  return image && { schema: 'fedcardio.catalog/1', site, case: caseId, use, at: now().toISOString(), image, labels };
}

/** The document of a case below `rejected/`; undefined if there are no faults. */
export function rejectionOf(
  { site, now }: SiteContext,
  caseId: string,
  faults: readonly Fault[],
): Rejected | undefined {
  if (faults.length === 0) return undefined;
  const objects = faults.toSorted(byKey);
  return { schema: 'fedcardio.rejected/1', site, case: shownName(caseId), at: now().toISOString(), objects };
}
