import { collect } from '../async.ts';
import { derivedCaseOf, type SiteKey, siteKeys } from '../federation/keys.ts';
import type { SiteStore } from '../storage/contract.ts';

/** After which no GPU task runs that has read a withdrawn case: its checkpoints are deleted after two weeks. */
const WATCHED_DAYS = 30;
const DAY_MS = 86_400_000;

/**
 * Deletes for good what GPU tasks have derived from a case since it was withdrawn: a task that had read the case writes its
 * pseudo-label or prediction later. Cases that were uploaded again are left alone. Costs one listing if nothing was withdrawn
 * in the last weeks.
 *
 * @param cataloged ids of the cases in the catalog
 * @returns the number of deleted versions
 */
export async function eraseDerived(
  store: Pick<SiteStore, 'list' | 'versions' | 'deleteVersion'>,
  cataloged: ReadonlySet<string>,
  now: Date,
): Promise<number> {
  const records = await collect(store.list(siteKeys.withdrawnPrefix));
  const watched = records.filter(({ lastModified }) => now.getTime() - lastModified.getTime() < WATCHED_DAYS * DAY_MS);
  if (watched.length === 0) return 0;
  const keys = new Set<SiteKey>(watched.map(({ key }) => key));
  const isWithdrawn = (id: string | undefined) =>
    id !== undefined && !cataloged.has(id) && keys.has(siteKeys.withdrawn(id));
  let erased = 0;
  for (const prefix of siteKeys.derivedPrefixes) {
    const found = (await collect(store.versions(prefix))).filter(({ key }) => isWithdrawn(derivedCaseOf(key)));
    // From old to new: no older version becomes the current one.
    for (const { key, version } of found.toReversed()) {
      await store.deleteVersion(key, version);
      erased += 1;
    }
  }
  return erased;
}
