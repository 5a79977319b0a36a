import { collect, mapConcurrently } from '../async.ts';
import { derivedCaseOf, type SiteKey, siteKeys } from '../federation/keys.ts';
import { contentSchema } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import type { ObjectInfo, ObjectVersion, SiteStore } from '../storage/contract.ts';
import { isListed } from '../storage/listed.ts';
import { isClaimValid } from './duplicates.ts';
import { documentedCase } from './listing.ts';
import { isUnreadable, readStored } from './stored.ts';

type ErasableStore = Pick<SiteStore, 'list' | 'tryGet' | 'versions' | 'deleteVersion'>;

/** After which no GPU task runs that has read a withdrawn case: its checkpoints are deleted after two weeks. */
const WATCHED_DAYS = 30;
/** After which intake has ended that had begun to examine a withdrawn case. */
const CLAIMED_DAYS = 1;
const DAY_MS = 86_400_000;
const READS_AT_ONCE = 16;

/**
 * Deletes for good what was written about a case while, or after, it was withdrawn: GPU tasks that had read it write its
 * pseudo-label or prediction, intake that was examining it a claim to its content and an entry that it then deletes. Cases that were
 * uploaded again are left alone. Costs one listing if nothing was withdrawn in the last weeks.
 *
 * @returns the number of deleted versions
 */
export async function eraseWithdrawn(store: ErasableStore, now: Date): Promise<number> {
  const records = await collect(store.list(siteKeys.withdrawnPrefix));
  const watched = recentOf(records, WATCHED_DAYS, now);
  if (watched.length === 0) return 0;
  const keys = new Set<SiteKey>(watched.map(({ key }) => key));
  const isWithdrawn = (id: string | undefined) => id !== undefined && keys.has(siteKeys.withdrawn(id));
  let erased = 0;
  for (const prefix of [...siteKeys.derivedPrefixes, ...DOCUMENTS]) {
    const found = (await collect(store.versions(prefix))).filter(({ key }) => isWithdrawn(caseOf(key)));
    for (const [id, versions] of groupBy(isDocument(prefix) ? deletedOf(found) : found, ({ key }) => caseOf(key))) {
      // Asked now: the case may have been cataloged since the rescan listed the catalog.
      if (!(await isListed(store, siteKeys.catalog(id as string)))) erased += await erase(store, versions);
    }
  }
  return erased + (await eraseClaims(store, recentOf(watched, CLAIMED_DAYS, now), isWithdrawn));
}

const recentOf = (records: readonly ObjectInfo<SiteKey>[], days: number, now: Date) =>
  records.filter(({ lastModified }) => now.getTime() - lastModified.getTime() < days * DAY_MS);

/** Intake's documents about cases. */
const DOCUMENTS: readonly SiteKey[] = [siteKeys.catalogPrefix, siteKeys.rejectedPrefix];
const isDocument = (key: SiteKey): boolean => DOCUMENTS.some((prefix) => key.startsWith(prefix));
const caseOf = (key: SiteKey): string | undefined => (isDocument(key) ? documentedCase(key) : derivedCaseOf(key));

/** The versions of objects that are hidden behind a delete marker, and the markers. */
function deletedOf(versions: readonly ObjectVersion<SiteKey>[]): readonly ObjectVersion<SiteKey>[] {
  const hidden = new Set(versions.filter(({ isLatest, isMarker }) => isLatest && isMarker).map(({ key }) => key));
  return versions.filter(({ key }) => hidden.has(key));
}

/**
 * Deletes claims to contents that were written since the cases were withdrawn, and are not valid. Reads only claims that are as
 * new as the records.
 */
async function eraseClaims(
  store: ErasableStore,
  records: readonly ObjectInfo<SiteKey>[],
  isWithdrawn: (id: string) => boolean,
): Promise<number> {
  if (records.length === 0) return 0;
  const since = Math.min(...records.map(({ lastModified }) => lastModified.getTime()));
  const claims = await collect(store.list(siteKeys.contentPrefix));
  const written = claims.filter(({ lastModified }) => lastModified.getTime() >= since);
  const isLeft = async (key: SiteKey) => {
    const claim = await readStored(store, key, contentSchema).then((stored) => stored?.value, unlessUnreadable);
    return claim !== undefined && isWithdrawn(claim.case) && !(await isClaimValid(store, claim));
  };
  const left = await mapConcurrently(written, READS_AT_ONCE, async ({ key }) => ((await isLeft(key)) ? [key] : []));
  let erased = 0;
  for (const key of left.flat()) {
    // Read again after the listing: another case may own the content since, and that version is not listed.
    const versions = await collect(store.versions(key));
    if (await isLeft(key)) erased += await erase(store, versions);
  }
  return erased;
}

function unlessUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}

/** @param versions of a key from new to old, as listed */
async function erase(store: ErasableStore, versions: readonly ObjectVersion<SiteKey>[]): Promise<number> {
  // From old to new: no older version becomes the current one.
  for (const { key, version } of versions.toReversed()) await store.deleteVersion(key, version);
  return versions.length;
}
