import { collect, mapConcurrently } from '../async.ts';
import { describeError, isFedcardioError } from '../error.ts';
import { CASE_FOLDERS, type CaseUse, derivedCaseOf, parseCaseKey, type SiteKey, siteKeys } from '../federation/keys.ts';
import { type CaseUseInStage, catalogSchema, contentSchema } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import type { FederationStore, ObjectVersion, SiteStore } from '../storage/contract.ts';
import { writeDocument } from '../storage/documents.ts';
import { type CaseHistory, caseHistory } from './lineage.ts';
import { notifyCoordinator, recordWithdrawal } from './notice.ts';
import type { SiteContext } from './reconcile.ts';
import { readStored } from './stored.ts';
import { createSummaryCache, refreshSummary } from './summary.ts';

/** The context of the withdraw role. */
export interface WithdrawContext extends SiteContext {
  readonly store: SiteStore;
  /** Makes a random id of 32 hexadecimal digits for the notice to the coordinator. Undefined: no notice, for smoke tests. */
  readonly newId: (() => string) | undefined;
}

/** A case, or one file of it, such as `labels/calcification.nii.gz`. */
export interface WithdrawTarget {
  readonly caseId: string;
  readonly file?: string | undefined;
  /** The side to take it from; both if undefined. */
  readonly use?: CaseUse | undefined;
}

/** Prefixes of the uploaded objects that a target names. Of a file, longer names begin with it too: see {@link isTarget}. */
export const targetPrefixes = ({ caseId, file = '', use }: WithdrawTarget): readonly SiteKey[] =>
  usesOf(use).map((one) => siteKeys.casePrefix(CASE_FOLDERS[one], `${caseId}/${file}`));

/** Whether a target names an uploaded object. */
export function isTarget({ caseId, file, use }: WithdrawTarget, key: string): boolean {
  const folders = usesOf(use).map((one) => `${CASE_FOLDERS[one]}/${caseId}/`);
  return folders.some((folder) => (file === undefined ? key.startsWith(folder) : key === `${folder}${file}`));
}

const usesOf = (use: CaseUse | undefined): readonly CaseUse[] => (use ? [use] : ['training', 'evaluation']);

/** What a withdrawal has done to an object. */
interface Removed {
  readonly key: SiteKey;
  /** Versions that were deleted for good, without delete markers, and their bytes. */
  readonly versions: number;
  readonly bytes: number;
}

export interface Withdrawal {
  readonly removed: readonly Removed[];
  /** Objects of which versions stay, such as those under a lock. They are hidden behind a delete marker. */
  readonly kept: readonly { readonly key: SiteKey; readonly reason: string }[];
  /** What the site sent and had learnt from the case, or was scored on it. */
  readonly history: CaseHistory;
  /** Updates that the notice to the coordinator names; undefined if it could not be written. Repeat the withdrawal then. */
  readonly notified: number | undefined;
}

const REQUESTS_AT_ONCE = 16;
/** A GPU task or intake may write while objects are deleted; what is left after these passes is found by the rescan. */
const PASSES = 3;

/** Documents of other cases that can name a case: that they have the same CT. Intake writes them anew. */
const MENTIONS = [siteKeys.rejectedPrefix, siteKeys.contentPrefix, siteKeys.examined] as const;

/**
 * All versions of the objects that hold a case, name it, or were derived from it, and checkpoints of trainings that it may be
 * in. Of a file other than the CT, only its own. Earlier versions of intake's documents about other cases are included, because
 * one of them may name the case.
 */
export async function findWithdrawn(
  store: SiteStore,
  target: WithdrawTarget,
): Promise<readonly ObjectVersion<SiteKey>[]> {
  const { caseId, file, use } = target;
  const uploaded = await versionsBelow(store, targetPrefixes(target));
  const own = uploaded.filter(({ key }) => isTarget(target, key));
  if (file !== undefined && !isImageFile(file)) return own;
  // Intake writes the documents anew for a case that the other side holds too.
  if (use !== undefined && own.length === 0) return [];
  const documents = [
    siteKeys.catalog(caseId),
    siteKeys.rejected(caseId),
    siteKeys.rejectedByName(caseId),
    ...(await contentKeys(store, caseId)),
  ];
  const named = await versionsBelow(store, [...new Set(documents)]);
  const derived = await versionsBelow(store, siteKeys.derivedPrefixes);
  const mentioning = (await mentioningKeys(store, caseId)).filter((key) => !documents.includes(key));
  const found = [
    ...own,
    ...named.filter(({ key }) => documents.includes(key)),
    ...derived.filter(({ key }) => derivedCaseOf(key) === caseId),
  ];
  if (found.length === 0 && mentioning.length === 0) return [];
  const others = (await versionsBelow(store, MENTIONS)).filter(({ key }) => !documents.includes(key));
  const unfinished = use === 'evaluation' ? [] : await versionsBelow(store, [siteKeys.unfinishedPrefix]);
  return [
    ...found,
    ...others.filter(({ key, isLatest, isMarker }) => mentioning.includes(key) || (!isLatest && !isMarker)),
    ...unfinished.filter(({ key }) => !key.startsWith(siteKeys.doctor(''))),
  ];
}

/** Documents about other cases whose current version names a case. */
async function mentioningKeys(store: SiteStore, caseId: string): Promise<readonly SiteKey[]> {
  const listed = (
    await mapConcurrently([siteKeys.rejectedPrefix, siteKeys.examined], REQUESTS_AT_ONCE, (prefix) =>
      collect(store.list(prefix)),
    )
  ).flat();
  const escaped = caseId.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const named = new RegExp(`(?<![A-Za-z0-9._-])${escaped}(?![A-Za-z0-9_-])`);
  const found = await mapConcurrently(listed, REQUESTS_AT_ONCE, async ({ key }) => {
    const stored = await store.tryGet(key);
    return stored && named.test(new TextDecoder().decode(stored.body)) ? [key] : [];
  });
  return found.flat();
}

const isImageFile = (file: string): boolean => parseCaseKey(`cases/x/${file}`)?.part.kind === 'image';

/** The claims of a case to contents: those of replaced CTs too, so that every claim is read. */
async function contentKeys(store: SiteStore, caseId: string): Promise<readonly SiteKey[]> {
  const listed = await collect(store.list(siteKeys.contentPrefix));
  const claims = await mapConcurrently(listed, REQUESTS_AT_ONCE, async ({ key }) => ({
    key,
    of: (await readStored(store, key, contentSchema))?.value?.case,
  }));
  return claims.filter(({ of }) => of === caseId).map(({ key }) => key);
}

const versionsBelow = async (store: SiteStore, prefixes: readonly SiteKey[]) =>
  (await mapConcurrently(prefixes, REQUESTS_AT_ONCE, (prefix) => collect(store.versions(prefix)))).flat();

/**
 * Deletes a case, or a file of it, for good: all versions of it, of intake's documents about it, and of what GPU tasks derived
 * from it. Then tells the coordinator by hashes which updates had learnt from it, and counts the site again. Leaves a record, by
 * which a running GPU task starts again without the case, and a rescan removes what was derived meanwhile. Safe to repeat.
 *
 * @throws FedcardioError STORAGE if a listing, the record or the summary is refused
 */
export async function withdraw(
  context: WithdrawContext,
  federationStore: FederationStore,
  target: WithdrawTarget,
): Promise<Withdrawal> {
  const { store, site } = context;
  const { caseId, file, use } = target;
  const isCase = file === undefined || isImageFile(file);
  // Before the ledger is read, see publishUpdate.
  const record = isCase ? await recordWithdrawal(context, caseId, context.newId) : undefined;
  if (!record) await forgetLabel(store, target);
  const removed: ObjectVersion<SiteKey>[] = [];
  const kept = new Map<SiteKey, string>();
  for (let pass = 0; pass < PASSES; pass += 1) {
    const found = (await findWithdrawn(store, target)).filter(({ key }) => !kept.has(key));
    if (found.length === 0) break;
    // The uploaded files are hidden first, so that no GPU task begins to read them.
    const uploaded = found.filter(({ key, isLatest, isMarker }) => isLatest && !isMarker && parseCaseKey(key));
    await mapConcurrently(uploaded, REQUESTS_AT_ONCE, ({ key }) => store.delete(key));
    // From old to new, markers last: no older version becomes the current one.
    const oldestFirst = found.toReversed();
    const ordered = [false, true].flatMap((markers) => oldestFirst.filter(({ isMarker }) => isMarker === markers));
    for (const version of ordered) {
      if (kept.has(version.key)) continue;
      const reason = await refusalOf(() => store.deleteVersion(version.key, version.version));
      if (reason === undefined) removed.push(version);
      else {
        kept.set(version.key, reason);
        await store.delete(version.key);
      }
    }
  }
  const history = record ? ofSide(await caseHistory(store, caseId), use) : NO_HISTORY;
  const notified = record
    ? await unlessRefused(() => notifyCoordinator(federationStore, site, record, history.updates))
    : 0;
  await refreshSummary(context, federationStore, createSummaryCache());
  const byKey = groupBy(
    removed.filter(({ isMarker }) => !isMarker),
    ({ key }) => key,
  );
  return {
    removed: Array.from(byKey, ([key, versions]) => ({
      key,
      versions: versions.length,
      bytes: versions.reduce((sum, { bytes }) => sum + bytes, 0),
    })),
    kept: Array.from(kept, ([key, reason]) => ({ key, reason })),
    history,
    notified,
  };
}

const NO_HISTORY: CaseHistory = { updates: [], unreadable: [] };

/** A case may be on both sides: only what one of them was used for. */
function ofSide({ updates, unreadable }: CaseHistory, side: CaseUse | undefined): CaseHistory {
  if (side === undefined) return { updates, unreadable };
  const isOfSide = (use: CaseUseInStage) => (use === 'evaluation') === (side === 'evaluation');
  return { updates: updates.filter(({ uses }) => uses.some(isOfSide)), unreadable };
}

/** The result, or undefined if the storage refuses. The case is gone all the same. */
async function unlessRefused<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isFedcardioError(error, 'STORAGE')) return undefined;
    throw error;
  }
}

/** Why the storage refused a deletion, such as a lock; undefined if it did not. Outages are thrown. */
async function refusalOf(remove: () => Promise<void>): Promise<string | undefined> {
  try {
    await remove();
    return undefined;
  } catch (error) {
    if (!isFedcardioError(error, 'STORAGE')) throw error;
    return describeError(error);
  }
}

/** Takes a label out of its case's catalog entry, so that the counts follow at once. Intake then examines the case again. */
async function forgetLabel(store: SiteStore, target: WithdrawTarget): Promise<void> {
  const key = siteKeys.catalog(target.caseId);
  const stored = await readStored(store, key, catalogSchema);
  const entry = stored?.value;
  if (!stored || !entry) return;
  const labels = Object.fromEntries(Object.entries(entry.labels).filter(([, label]) => !isTarget(target, label.key)));
  if (Object.keys(labels).length === Object.keys(entry.labels).length) return;
  await writeDocument(store, key, catalogSchema, { ...entry, labels }, { ifMatch: stored.etag });
}
