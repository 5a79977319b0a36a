import { collect, mapConcurrently } from '../async.ts';
import { describeError, isOfDocument } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Summary, summarySchema } from '../federation/schemas.ts';
import type { FederationStore } from './contract.ts';
import { tryReadJson } from './documents.ts';
import { failureOfAll, type SiteRead, unreadableOf } from './unreadable.ts';

/** What the sites of a federation say that they hold. */
export interface Summaries {
  /** By site, in byte order. */
  readonly counts: ReadonlyMap<string, Summary>;
  /** Sites whose summary cannot be read. */
  readonly unreadable: readonly { readonly site: string; readonly reason: string }[];
}

const READS_AT_ONCE = 16;
/** A summary has a few hundred bytes. A site that writes more is not read. */
const MAX_BYTES = 1024 * 1024;

/**
 * The summaries of all sites: one listing, and one request for each site. A bad summary concerns its own site only.
 *
 * @throws FedcardioError `STORAGE` if the summaries of all sites cannot be read
 */
export async function readSummaries(store: Pick<FederationStore, 'bucket' | 'tryGet' | 'list'>): Promise<Summaries> {
  const listed = await collect(store.list(federationKeys.summaryPrefix));
  const sites = listed.flatMap(({ key, bytes }) => {
    const site = /^sites\/([^/]+)\/summary\.json$/.exec(key)?.[1];
    return site === undefined ? [] : [{ site, bytes }];
  });
  const found = await mapConcurrently(sites, READS_AT_ONCE, async ({ site, bytes }) => {
    if (bytes > MAX_BYTES) return { site, reason: `Its summary has ${bytes} bytes.` };
    try {
      const summary = (await tryReadJson(store, federationKeys.summary(site), summarySchema))?.value;
      return summary?.site === site ? { site, summary } : { site, reason: 'Its summary is that of another site.' };
    } catch (error) {
      const unreadable = unreadableOf(error);
      if (!unreadable && !isOfDocument(error)) throw error;
      return { site, reason: describeError(error), unreadable };
    }
  });
  const read = sites.flatMap(({ bytes }, index) => (bytes > MAX_BYTES ? [] : [found[index] as SiteRead]));
  const failure = failureOfAll(read, sites.length);
  if (failure) throw failure;
  return {
    counts: new Map(found.flatMap(({ site, summary }) => (summary ? [[site, summary] as const] : []))),
    unreadable: found.flatMap(({ site, reason }) => (reason === undefined ? [] : [{ site, reason }])),
  };
}
