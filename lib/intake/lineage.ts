import { collect, mapConcurrently } from '../async.ts';
import { describeError, isOfDocument } from '../error.ts';
import { caseHash, type RoundAddress, siteKeys } from '../federation/keys.ts';
import {
  CASE_USES,
  type CaseUseInStage,
  type Lineage,
  type LineageEntry,
  lineageSchema,
  MAX_LINEAGE_ENTRIES,
} from '../federation/schemas.ts';
import { parseDocument } from '../json.ts';
import type { SiteStore } from '../storage/contract.ts';
import { listDocuments, writeDocument } from '../storage/documents.ts';
import { readStored } from './stored.ts';

/** The cases that a GPU task used, by their names. */
export type UsedCases = Readonly<Partial<Record<CaseUseInStage, readonly string[]>>>;

/** What the ledger says of a round besides its updates. */
export type LineageOf = Pick<Lineage, 'site' | 'campaign' | 'stage' | 'round' | 'kind'>;

const READS_AT_ONCE = 8;
/** Longest record that is read, bytes: as long as documents may be written. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The hashes of the cases that were used, sorted. Uses without a case are left out. */
export const hashedCases = (used: UsedCases): LineageEntry['cases'] =>
  Object.fromEntries(
    CASE_USES.flatMap((use) => {
      const hashes = [...new Set(used[use]?.map(caseHash))].sort();
      return hashes.length > 0 ? [[use, hashes]] : [];
    }),
  );

/**
 * Adds the cases behind an update to the site's ledger. Entries of earlier runs of the GPU task stay, because one of them may
 * have published. Safe against a second run at the same time.
 *
 * @throws FedcardioError `PRECONDITION_FAILED` if another run wrote at the same time: repeat the GPU task
 */
export async function recordLineage(
  store: Pick<SiteStore, 'tryGet' | 'put'>,
  about: LineageOf,
  entry: LineageEntry,
): Promise<void> {
  const key = siteKeys.lineage(about);
  const stored = await readStored(store, key, lineageSchema);
  const earlier = stored?.value?.updates.filter(({ update }) => update.sha256 !== entry.update.sha256) ?? [];
  const updates = [...earlier, entry].slice(-MAX_LINEAGE_ENTRIES);
  const condition = stored ? { ifMatch: stored.etag } : { ifNoneMatch: '*' as const };
  await writeDocument(store, key, lineageSchema, { schema: 'fedcardio.lineage/1', ...about, updates }, condition);
}

/** An update that a case went into, and how. */
export interface CaseLineage extends RoundAddress, Pick<LineageEntry, 'at' | 'update' | 'weights' | 'base'> {
  readonly kind: string;
  readonly uses: readonly CaseUseInStage[];
}

export interface CaseHistory {
  /** In byte order of campaign, stage and round. */
  readonly updates: readonly CaseLineage[];
  /** Records that cannot be read. */
  readonly unreadable: readonly { readonly key: string; readonly reason: string }[];
}

/**
 * Every update that a case went into. Costs one listing (a request per 1,000 rounds) and one request per round, of which at most
 * eight records are in memory at once.
 */
export async function caseHistory(store: Pick<SiteStore, 'list' | 'tryGet'>, caseId: string): Promise<CaseHistory> {
  const hash = caseHash(caseId);
  const quoted = Buffer.from(`"${hash}"`);
  const listed = await collect(listDocuments(store, siteKeys.lineagePrefix));
  const unreadable: { key: string; reason: string }[] = [];
  const found = await mapConcurrently(listed, READS_AT_ONCE, async ({ key, bytes }) => {
    if (bytes > MAX_BYTES) {
      unreadable.push({ key, reason: `It has ${bytes} bytes, ${MAX_BYTES} are read.` });
      return [];
    }
    const stored = await store.tryGet(key);
    // Most of the time goes into parsing, which a record without the case does not need.
    if (!stored || Buffer.from(stored.body.buffer, stored.body.byteOffset, stored.body.length).indexOf(quoted) < 0)
      return [];
    try {
      return usesOf(parseDocument(stored.body, lineageSchema, key), hash);
    } catch (error) {
      if (!isOfDocument(error)) throw error;
      unreadable.push({ key, reason: describeError(error) });
      return [];
    }
  });
  return { updates: found.flat(), unreadable };
}

function usesOf({ campaign, stage, round, kind, updates }: Lineage, hash: string): readonly CaseLineage[] {
  return updates.flatMap(({ at, update, weights, base, cases }) => {
    const uses = CASE_USES.filter((use) => cases[use]?.includes(hash));
    return uses.length > 0 ? [{ campaign, stage, round, kind, at, update, weights, base, uses }] : [];
  });
}

/** What the coordinator knows an update by: the hash of its weights, or of its metadata if it has none. */
export const updateHash = ({ weights, update }: Pick<LineageEntry, 'weights' | 'update'>): string =>
  (weights ?? update).sha256;
