import { shownName } from '../../lib/federation/case-names.ts';
import { type CaseObject, type CaseUse, parseCaseKey, type SiteKey } from '../../lib/federation/keys.ts';
import type { CatalogEntry, Rejected } from '../../lib/federation/schemas.ts';
import { groupBy } from '../../lib/group-by.ts';
import { faultOfObject } from '../../lib/intake/faults.ts';
import type { ObjectInfo } from '../../lib/storage/contract.ts';

/**
 * `accepted`: in the catalog with all its files. `partly accepted`: without some. `rejected`: not in the catalog, and a file
 * has a fault. `waiting`: has labels and no CT. `pending`: intake has not said.
 */
export type CaseVerdict = 'accepted' | 'partly accepted' | 'rejected' | 'waiting' | 'pending';

interface FileState {
  /** As stored: whoever lists the bucket must find the file, also one under a name that rejections withhold. */
  readonly key: SiteKey;
  readonly state: 'accepted' | 'rejected' | 'waiting' | 'pending';
  /** Of a rejected file. */
  readonly code?: string;
  readonly reason?: string;
  readonly hint?: string | undefined;
}

/** A case in a site's bucket, and what intake has made of it. */
export interface CaseState {
  /** As it may be shown: see shownName. */
  readonly case: string;
  readonly use: CaseUse;
  readonly verdict: CaseVerdict;
  readonly files: readonly FileState[];
  readonly entry: CatalogEntry | undefined;
}

/** Intake's documents about a case, with the time of their last writing. */
export interface CaseDocuments {
  readonly entry: CatalogEntry | undefined;
  readonly rejected: (Rejected & { readonly writtenAt: Date }) | undefined;
}

type File = CaseObject & { readonly info: ObjectInfo<SiteKey> };

/**
 * The states of cases.
 *
 * @param objects objects below `cases/` and `held-out/`
 * @param documentsOf documents by the case's name as it may be shown
 * @param trustsOld whether a rejection that is older than the file counts: intake does not rewrite one that stays the same
 */
export function caseStates(
  objects: Iterable<ObjectInfo<SiteKey>>,
  documentsOf: (shown: string) => CaseDocuments,
  trustsOld: boolean,
): readonly CaseState[] {
  const files = [...objects].flatMap((info): File[] => {
    const parsed = parseCaseKey(info.key);
    return parsed ? [{ ...parsed, info }] : [];
  });
  return Array.from(
    groupBy(files, ({ caseId }) => caseId),
    ([id, own]) => caseState(shownName(id), own, documentsOf(shownName(id)), trustsOld),
  );
}

function caseState(
  id: string,
  files: readonly File[],
  { entry, rejected }: CaseDocuments,
  trustsOld: boolean,
): CaseState {
  const states = files.map((file) => fileState(file, files, entry, rejected, trustsOld));
  const has = (state: FileState['state']) => states.some((file) => file.state === state);
  const of = (): CaseVerdict => {
    if (has('pending')) return 'pending';
    if (entry && has('accepted')) return has('rejected') ? 'partly accepted' : 'accepted';
    return has('rejected') ? 'rejected' : 'waiting';
  };
  return { case: id, use: entry?.use ?? files[0]?.use ?? 'training', verdict: of(), files: states, entry };
}

function fileState(
  { info, part, use }: File,
  all: readonly File[],
  entry: CatalogEntry | undefined,
  rejected: CaseDocuments['rejected'],
  trustsOld: boolean,
): FileState {
  const { key } = info;
  const accepted = part.kind === 'image' ? entry?.image : part.kind === 'label' ? entry?.labels[part.task] : undefined;
  if (accepted?.key === key && accepted.etag === info.etag) return { key, state: 'accepted' };
  const fault = faultOfObject(key, rejected?.objects ?? []);
  if (fault && rejected && (trustsOld || rejected.writtenAt >= info.lastModified)) {
    const { code, reason, hint } = fault;
    return { key, state: 'rejected', code, reason, hint };
  }
  if (fault || part.kind !== 'label') return { key, state: 'pending' };
  // A label is examined with the CT of its folder, once that is accepted.
  const hasImage = all.some((file) => file.part.kind === 'image' && file.use === use);
  return { key, state: entry?.use === use || (hasImage && !rejected) ? 'pending' : 'waiting' };
}
