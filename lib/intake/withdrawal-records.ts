import { caseHash, siteKeys } from '../federation/keys.ts';
import type { SiteStore } from '../storage/contract.ts';
import { listDocuments } from '../storage/documents.ts';

/** Which cases a site has withdrawn so far: versions of the records, by the hash of the case. */
export type WithdrawalRecords = ReadonlyMap<string, string>;

/** One listing. */
export async function readWithdrawalRecords(store: Pick<SiteStore, 'list'>): Promise<WithdrawalRecords> {
  const records = new Map<string, string>();
  for await (const { key, etag, lastModified } of listDocuments(store, siteKeys.withdrawnPrefix)) {
    const hash = key.slice(siteKeys.withdrawnPrefix.length, -'.json'.length);
    records.set(hash, `${etag} ${lastModified.getTime()}`);
  }
  return records;
}

/** The records of some cases, for {@link isAnyWithdrawn}. */
export const recordsOf = (records: WithdrawalRecords, hashes: readonly string[]): WithdrawalRecords =>
  new Map(hashes.flatMap((hash) => (records.has(hash) ? [[hash, records.get(hash) as string] as const] : [])));

/**
 * Whether a case that a GPU task has used was withdrawn since it began. A record that was there before counts only if the case
 * is not in the catalog: it may have been uploaded again. Costs a listing, and one of the catalog if such a record exists.
 *
 * @param hashes the cases that were used
 * @param before the records when the GPU task began
 */
export async function isAnyWithdrawn(
  store: Pick<SiteStore, 'list'>,
  hashes: readonly string[],
  before: WithdrawalRecords,
): Promise<boolean> {
  const now = recordsOf(await readWithdrawalRecords(store), hashes);
  if ([...now].some(([hash, version]) => before.get(hash) !== version)) return true;
  if (now.size === 0) return false;
  const cataloged = new Set<string>();
  for await (const { key } of listDocuments(store, siteKeys.catalogPrefix)) {
    cataloged.add(caseHash(key.slice(siteKeys.catalogPrefix.length, -'.json'.length)));
  }
  return [...now.keys()].some((hash) => !cataloged.has(hash));
}
