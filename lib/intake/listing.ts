import type { z } from 'zod';
import { collect, mapConcurrently } from '../async.ts';
import { shownName } from '../federation/case-names.ts';
import { CASE_FOLDERS, parseCaseKey, type SiteKey, siteKeys } from '../federation/keys.ts';
import type { IntakeStore, ObjectInfo } from '../storage/contract.ts';
import { readStored, type Stored } from './stored.ts';

const READS_AT_ONCE = 16;
/** Most objects of a listing that cases share: one page. Of short names such as p1 and p2, it could be that of the whole site. */
const MOST_SHARED = 1000;

/**
 * The objects of cases by case id, those in the training folder first. Cases whose names differ only in the last
 * character (such as numbered cases that are uploaded in order) share one listing, if that is at most a page.
 */
export async function listFiles(
  store: Pick<IntakeStore, 'list'>,
  caseIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ObjectInfo<SiteKey>[]>> {
  const groups = Object.values(CASE_FOLDERS).flatMap((folder) =>
    groupByStem(caseIds).map((group) => ({ folder, ...group })),
  );
  const found = new Map<string, ObjectInfo<SiteKey>[]>(caseIds.map((id) => [id, []]));
  const listings = await mapConcurrently(groups, READS_AT_ONCE, async ({ folder, stem, names }) => {
    const shared = names.length > 1 ? await listShared(store, siteKeys.casePrefix(folder, stem)) : undefined;
    // The listing of p1 and p2 has the objects of p10 too, which may have a listing of its own.
    if (shared) return shared.filter(({ key }) => names.includes(caseOf(key)));
    const own = names.map((name) => siteKeys.casePrefix(folder, `${name}/`));
    return (await mapConcurrently(own, READS_AT_ONCE, (prefix) => collect(store.list(prefix)))).flat();
  });
  for (const info of listings.flat()) found.get(caseOf(info.key))?.push(info);
  return found;
}

/** The objects below a prefix; undefined if they are more than one page, of which no second one is then requested. */
async function listShared(
  store: Pick<IntakeStore, 'list'>,
  prefix: SiteKey,
): Promise<readonly ObjectInfo<SiteKey>[] | undefined> {
  const found: ObjectInfo<SiteKey>[] = [];
  for await (const info of store.list(prefix)) {
    if (found.push(info) >= MOST_SHARED) return undefined;
  }
  return found;
}

const caseOf = (key: SiteKey): string => parseCaseKey(key)?.caseId ?? '';

/** The name of the case that a document below `catalog/` or `rejected/` is about. */
export const documentedCase = (key: SiteKey): string => key.slice(key.indexOf('/') + 1, -'.json'.length);

/**
 * The documents of cases by case id; cases without a document are absent. A case without a document costs no request
 * of its own if it shares a listing of at most a page.
 *
 * @param keyOf the key of a case's document, such as `catalog/p7.json`
 */
export async function readDocuments<S extends z.ZodType>(
  store: IntakeStore,
  caseIds: readonly string[],
  keyOf: (caseId: string) => SiteKey,
  schema: S,
): Promise<ReadonlyMap<string, Stored<z.infer<S>>>> {
  const present = await mapConcurrently(groupByStem(caseIds), READS_AT_ONCE, async ({ stem, names }) => {
    if (names.length === 1) return names;
    const prefix = keyOf(stem).slice(0, -'.json'.length) as SiteKey;
    const keys = (await listShared(store, prefix))?.map(({ key }) => key);
    return keys ? names.filter((name) => keys.includes(keyOf(name))) : names;
  });
  const found = new Map<string, Stored<z.infer<S>>>();
  await mapConcurrently(present.flat(), READS_AT_ONCE, async (name) => {
    const stored = await readStored(store, keyOf(name), schema);
    if (stored) found.set(name, stored);
  });
  return found;
}

interface NameGroup {
  /** The common part of the names: all but their last character. */
  readonly stem: string;
  readonly names: readonly string[];
}

/** Groups names that are worth listing together: a listing of their common stem contains few other names. */
function groupByStem(names: readonly string[]): readonly NameGroup[] {
  const groups = new Map<string, string[]>();
  for (const name of new Set(names)) {
    const stem = [...name].slice(0, -1).join('');
    // The documents of a name that is withheld do not begin with its letters, nor with those of a stem that would be withheld.
    const shares = stem !== '' && shownName(name) === name && shownName(stem) === stem;
    // No stem has a slash.
    const group = shares ? stem : `${name}/`;
    groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  return Array.from(groups, ([stem, group]) => ({ stem, names: group }));
}
