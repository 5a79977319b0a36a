import { existsSync } from 'node:fs';
import { collect, mapConcurrently } from '../../../lib/async.ts';
import { describeError } from '../../../lib/error.ts';
import {
  type FederationKey,
  federationKeys,
  parseConsentKey,
  parseUpdateKey,
  parseWithdrawalKey,
  STEP_SUFFIX,
  UPDATES_PREFIX,
} from '../../../lib/federation/keys.ts';
import type { SentBySite, SentObject } from '../../../lib/federation/schemas.ts';
import { sha256Hex } from '../../../lib/json.ts';
import type { FederationStore, ObjectInfo } from '../../../lib/storage/contract.ts';
import { readSentLog } from '../../../lib/storage/sent-log.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import type { SentRow } from '../../../page/api/hospital/sent.ts';

/** A row before all sources are put together. */
type Part = Pick<SentRow, 'key' | 'bytes' | 'at' | 'sha256'> & {
  readonly from: SentRow['known'][number];
  readonly isUnsure: boolean;
};

/** What the site's records say, two objects for an answer with weights. */
export const partsOfRecords = (records: readonly SentBySite[]): readonly Part[] =>
  records.flatMap(({ weights, update, at }) => [
    ...(weights ? [{ ...weights, at, from: 'record' as const, isUnsure: false }] : []),
    { ...update, at, from: 'record' as const, isUnsure: false },
  ]);

/** What sent.jsonl says; no parts without the file. */
export function partsOfLog(file: string | undefined): readonly Part[] {
  const isThere = file !== undefined && existsSync(file);
  return isThere ? readSentLog(file).flatMap(partOfLine) : [];
}

const partOfLine = ({ key, bytes, sha256, at, state }: SentObject): readonly Part[] => [
  { key, bytes, sha256, at, from: 'log', isUnsure: state === 'sending' || state === 'failed' },
];

/** Objects of the federation bucket whose hash is not in their name are read up to this number of bytes, once. */
const MAX_HASHED = 1024 * 1024;
const READS_AT_ONCE = 16;
const HASHED_NAME = /\/([0-9a-f]{64})\.safetensors$/;

/** What the federation bucket holds of the site. `hashes` remembers what was read, by ETag. */
export async function partsOfBucket(
  store: FederationStore,
  site: string,
  hashes: Map<string, string>,
): Promise<{ readonly parts: readonly Part[]; readonly notCompared?: string }> {
  try {
    const listed = (prefix: string) => collect(store.list(prefix as FederationKey));
    const objects = await listed(`${UPDATES_PREFIX}${site}/`);
    // Counts, copies of consents, and withdrawals.
    const about = (await listed(`${federationKeys.summaryPrefix}${site}/`).catch(unlessDenied)) ?? [];
    const parts = await mapConcurrently([...objects, ...about], READS_AT_ONCE, async (info) => ({
      ...{ key: info.key as string, bytes: info.bytes, at: info.lastModified.toISOString() },
      ...hashField(HASHED_NAME.exec(info.key)?.[1] ?? (await hashOf(store, info, hashes))),
      from: 'bucket' as const,
      isUnsure: false,
    }));
    return { parts };
  } catch (error) {
    if (!unreadableOf(error)) throw error;
    return { parts: [], notCompared: describeError(error) };
  }
}

function unlessDenied(error: unknown): undefined {
  if (!unreadableOf(error)) throw error;
}

const hashField = (sha256: string | undefined) => (sha256 === undefined ? {} : { sha256 });

async function hashOf(
  store: FederationStore,
  { key, etag, bytes }: ObjectInfo<FederationKey>,
  hashes: Map<string, string>,
): Promise<string | undefined> {
  if (bytes > MAX_HASHED) return undefined;
  const id = `${key} ${etag}`;
  const known = hashes.get(id);
  if (known !== undefined) return known;
  const stored = await store.tryGet(key).catch(unlessDenied);
  if (!stored) return undefined;
  const hash = sha256Hex(stored.body);
  hashes.set(id, hash);
  return hash;
}

/**
 * One row for each object, the newest first. The coordinator's refusals lie beside a site's objects, and are none. An object
 * that is rewritten, such as the counts, is a row for each version that is known.
 */
export function sentRows(parts: readonly Part[]): readonly SentRow[] {
  const rows = new Map<string, SentRow>();
  for (const { from, ...part } of parts) {
    if (part.key.endsWith('.refusal.json')) continue;
    const isOnce = part.key.startsWith(UPDATES_PREFIX);
    const id = isOnce ? part.key : `${part.key} ${part.sha256}`;
    const before = rows.get(id);
    rows.set(id, before ? merged(before, part, from) : { ...described(part), known: [from] });
  }
  return [...rows.values()].sort((a, b) => (a.at === b.at ? (a.key < b.key ? 1 : -1) : a.at < b.at ? 1 : -1));
}

const merged = (before: SentRow, part: Omit<Part, 'from'>, from: Part['from']): SentRow => ({
  ...before,
  ...(before.sha256 === undefined && hashField(part.sha256)),
  known: [...new Set([...before.known, from])],
  // An object that is there has arrived.
  isUnsure: from === 'bucket' ? false : before.isUnsure && part.isUnsure,
});

function described(part: Omit<Part, 'from'>): Omit<SentRow, 'known'> {
  const found = parseUpdateKey(part.key);
  return { ...part, kind: kindOf(part.key), ...found?.at };
}

function kindOf(key: string): SentRow['kind'] {
  if (key.endsWith('.safetensors')) return 'weights';
  if (key.endsWith('/failed.update.json')) return 'failure';
  if (key.endsWith('.update.json')) return 'answer';
  if (key.endsWith(STEP_SUFFIX)) return 'keys';
  if (parseConsentKey(key)) return 'consent';
  if (parseWithdrawalKey(key)) return 'withdrawal';
  return key.startsWith(federationKeys.summaryPrefix) ? 'counts' : 'other';
}
