import type { z } from 'zod';
import { collect, mapConcurrently } from '../async.ts';
import { CASE_FOLDERS, parseCaseKey, type SiteKey, siteKeys } from '../federation/keys.ts';
import type { ObjectInfo, SiteStore } from '../storage/contract.ts';
import { readStored, type Stored } from './stored.ts';

const READS_AT_ONCE = 16;

/**
 * The objects in the folders of cases, by case, those of the training folder first. Cases whose names differ in
 * their last character only, as numbered ones that are uploaded in turn do, share a listing.
 */
export async function listFiles(
  store: SiteStore,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ObjectInfo<SiteKey>[]>> {
  const prefixes = Object.values(CASE_FOLDERS).flatMap((folder) =>
    nearby(caseIds).map(({ stem, names }) => siteKeys.casePrefix(folder, names.length > 1 ? stem : `${names[0]}/`)),
  );
  const listings = await mapConcurrently(prefixes, READS_AT_ONCE, (prefix) => collect(store.list(prefix)));
  const found = new Map<string, ObjectInfo<SiteKey>[]>(caseIds.map((id) => [id, []]));
  for (const info of listings.flat()) found.get(parseCaseKey(info.key)?.caseId ?? '')?.push(info);
  return found;
}

/**
 * Documents of cases, by case, where there are any. Of cases that share a listing, those that have none cost no
 * request of their own.
 *
 * @param keyOf the key of a case's document: `catalog/p7.json`
 */
export async function readOfCases<S extends z.ZodType>(
  store: SiteStore,
  caseIds: readonly string[],
  keyOf: (caseId: string) => SiteKey,
  schema: S,
): Promise<ReadonlyMap<string, Stored<z.infer<S>>>> {
  const present = await mapConcurrently(nearby(caseIds), READS_AT_ONCE, async ({ stem, names }) => {
    if (names.length === 1) return names;
    const prefix = keyOf(stem).slice(0, -'.json'.length) as SiteKey;
    const keys = new Set((await collect(store.list(prefix))).map(({ key }) => key));
    return names.filter((name) => keys.has(keyOf(name)));
  });
  const found = new Map<string, Stored<z.infer<S>>>();
  await mapConcurrently(present.flat(), READS_AT_ONCE, async (name) => {
    const stored = await readStored(store, keyOf(name), schema);
    if (stored) found.set(name, stored);
  });
  return found;
}

interface Nearby {
  /** What the names have in common: all but the last character. */
  readonly stem: string;
  readonly names: readonly string[];
}

/** Names in groups that are worth listing together: so alike that the listing holds little else. */
function nearby(names: readonly string[]): readonly Nearby[] {
  const groups = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const stem = [...name].slice(0, -1).join('');
    const group = stem === '' ? name : stem;
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return Array.from(groups, ([stem, group]) => ({ stem, names: group }));
}
