import { collect, mapConcurrently } from '../../lib/async.ts';
import { shownName } from '../../lib/federation/case-names.ts';
import { parseCaseKey, type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { catalogSchema, rejectedSchema } from '../../lib/federation/schemas.ts';
import type { ObjectInfo, SiteStore } from '../../lib/storage/contract.ts';
import { listDocuments, readStored } from '../../lib/storage/documents.ts';
import { type CaseDocuments, type CaseState, caseStates } from './case-states.ts';
import { listCases } from './upload-plan.ts';

type Reader = Pick<SiteStore, 'list' | 'tryGet'>;

/** What a site's bucket holds, and what intake says of it. */
export interface SiteStates {
  readonly cases: readonly CaseState[];
  /** Faults of objects outside any case. */
  readonly strays: readonly {
    readonly key: SiteKey;
    readonly code: string;
    readonly reason: string;
    readonly hint?: string | undefined;
  }[];
  /** Cases of which a document was left unread for want of time, by their names as they may be shown. */
  readonly unread: ReadonlySet<string>;
}

export interface StatesReader {
  /**
   * @param only the names of the cases to look at; all if undefined
   * @param trustsOld see {@link caseStates}
   * @param isLate whether no further document may be read; the next call goes on. By default, all are read
   */
  read(only?: ReadonlySet<string>, trustsOld?: boolean, isLate?: () => boolean): Promise<SiteStates>;
}

const READS_AT_ONCE = 32;

/**
 * Reads the states of a site's cases again and again. Costs the listings of four prefixes, one request for each 1,000
 * objects, and a request for each document that is new since the last look.
 */
export function createStatesReader(store: Reader): StatesReader {
  const known = new Map<SiteKey, { readonly etag: string; readonly value: unknown }>();

  /** A document that has not changed is not read again. */
  async function document<S extends typeof catalogSchema | typeof rejectedSchema>(
    { key, etag }: ObjectInfo<SiteKey>,
    schema: S,
  ) {
    const before = known.get(key);
    if (before?.etag === etag) return before.value as ReturnType<S['parse']> | undefined;
    const stored = await readStored(store, key, schema);
    if (stored) known.set(key, stored);
    return stored?.value as ReturnType<S['parse']> | undefined;
  }

  return {
    async read(only, trustsOld = true, isLate = () => false) {
      const [objects, catalog, rejected] = await Promise.all([
        listCases(store),
        collect(listDocuments(store, siteKeys.catalogPrefix)),
        collect(listDocuments(store, siteKeys.rejectedPrefix)),
      ]);
      const shown = only && new Set([...only].map(shownName));
      const isAsked = (id: string) => shown === undefined || shown.has(id);
      const entries = new Map<string, CaseDocuments['entry']>();
      const refusals = new Map<string, CaseDocuments['rejected']>();
      const strays: SiteStates['strays'][number][] = [];
      const unread = new Set<string>();
      const idOf = (key: SiteKey, prefix: SiteKey) => key.slice(prefix.length, -'.json'.length);
      const isLeft = (id: string, { key, etag }: ObjectInfo<SiteKey>) => {
        if (known.get(key)?.etag === etag || !isLate()) return false;
        unread.add(id);
        return true;
      };
      // What was refused first: it is what a person must do something about.
      await mapConcurrently(rejected, READS_AT_ONCE, async (info) => {
        const id = idOf(info.key, siteKeys.rejectedPrefix);
        const isStray = info.key.startsWith(siteKeys.strayPrefix);
        if ((isStray ? only !== undefined : !isAsked(id)) || isLeft(id, info)) return;
        const value = await document(info, rejectedSchema);
        if (!value) return;
        if (isStray) strays.push(...value.objects);
        else refusals.set(id, { ...value, writtenAt: info.lastModified });
      });
      await mapConcurrently(catalog, READS_AT_ONCE, async (info) => {
        const id = idOf(info.key, siteKeys.catalogPrefix);
        if (isAsked(id) && !isLeft(id, info)) entries.set(id, await document(info, catalogSchema));
      });
      const asked = [...objects.values()].filter(({ key }) => isAsked(shownName(parseCaseKey(key)?.caseId ?? '')));
      const documentsOf = (id: string) => ({ entry: entries.get(id), rejected: refusals.get(id) });
      return { cases: caseStates(asked, documentsOf, trustsOld), strays, unread };
    },
  };
}
