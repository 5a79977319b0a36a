import { federationKeys, siteKeys } from '../federation/keys.ts';
import { noticeSchema, withdrawnSchema } from '../federation/schemas.ts';
import type { FederationStore, SiteStore } from '../storage/contract.ts';
import { writeDocument } from '../storage/documents.ts';
import { type CaseLineage, updateHash } from './lineage.ts';
import { readStored } from './stored.ts';

/** The record that a case was withdrawn, at its site. */
export interface RecordedWithdrawal {
  /** Id of the notice to the federation, if there is to be one. */
  readonly notice: string | undefined;
}

/**
 * Records at the site that a case was withdrawn. GPU tasks that have used it learn it from this record. A case that was
 * withdrawn before keeps the id of its notice.
 *
 * @param newId makes a random id: 32 hexadecimal digits
 */
export async function recordWithdrawal(
  { store, site, now }: { readonly store: SiteStore; readonly site: string; readonly now: () => Date },
  caseId: string,
  newId: (() => string) | undefined,
): Promise<RecordedWithdrawal> {
  const key = siteKeys.withdrawn(caseId);
  const notice = (await readStored(store, key, withdrawnSchema))?.value?.notice ?? newId?.();
  const record = { schema: 'fedcardio.withdrawn/1' as const, site, at: now().toISOString(), ...(notice && { notice }) };
  await writeDocument(store, key, withdrawnSchema, record);
  return { notice };
}

/**
 * Tells the coordinator by hashes alone which of the site's updates learnt from a withdrawn case. Writes nothing if there are
 * none. Safe to repeat.
 *
 * @returns the number of updates that it names
 */
export async function notifyCoordinator(
  federationStore: Pick<FederationStore, 'put'>,
  site: string,
  { notice }: RecordedWithdrawal,
  updates: readonly CaseLineage[],
): Promise<number> {
  const hashes = [...new Set(updates.map(updateHash))].sort();
  if (notice === undefined || hashes.length === 0) return 0;
  const value = { schema: 'fedcardio.withdrawal-notice/1' as const, updates: hashes };
  await writeDocument(federationStore, federationKeys.withdrawal(site, notice), noticeSchema, value);
  return hashes.length;
}
