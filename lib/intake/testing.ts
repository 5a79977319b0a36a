import type fc from 'fast-check';
import { siteAccess } from '../federation/access.ts';
import { federationKeys, siteKeys } from '../federation/keys.ts';
import { catalogSchema, rejectedSchema, summarySchema } from '../federation/schemas.ts';
import { DEFAULT_TASKS, TASKS } from '../federation/tasks.ts';
import { affineOf, apply } from '../imaging/affine.ts';
import { paintLandmarks } from '../imaging/landmarks.ts';
import { writeMarkups } from '../imaging/markups.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Grid, Volume } from '../imaging/volume.ts';
import { enforceAccess } from '../storage/access-view.ts';
import type { ObjectStore, OpenBucket } from '../storage/contract.ts';
import { readJson, tryReadJson } from '../storage/documents.ts';
import { storesOf, wrapBuckets } from '../storage/stores.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { intakeCase, intakeCases } from './intake.ts';
import type { SiteContext } from './reconcile.ts';
import { type RescanOptions, rescanSite } from './rescan.ts';
import {
  createSummaryCache,
  type IntakeResults,
  reconcileAndCount,
  refreshSummary,
  type SummaryCache,
} from './summary.ts';

/** Helpers for tests of intake: a small CT, labels for it, and a site in memory. */

export const GRID: Grid = {
  shape: [12, 10, 8],
  affine: affineOf([
    [-1.5, 0, 0, 20],
    [0, -1.5, 0, 30],
    [0, 0, 2, 40],
  ]),
};
export const VOXELS = 12 * 10 * 8;

export const ct = (seed = 1, grid = GRID): Volume<Int16Array> => ({
  ...grid,
  data: new Int16Array(grid.shape[0] * grid.shape[1] * grid.shape[2]).map(
    (_, i) => ((i * 7919 + seed * 31) % 1500) - 1000,
  ),
});
export const image = (seed = 1) => writeNifti(ct(seed));
export const POINTS = [1, 2, 3, 4, 5].map((label) => ({ label, position: apply(GRID.affine, [2 * label, 5, 4]) }));
export const hingeMap = () => writeNifti(paintLandmarks(POINTS, GRID, 1.6));
export const hingeMarkups = () => writeMarkups(POINTS, TASKS['hinge-points'].classes);
export const calcium = () => writeNifti({ ...GRID, data: new Uint8Array(VOXELS).fill(1, 100, 107) });

/** A site in memory: intake's context with the access of its role, and shortcuts to put and read objects. */
export function testSite(openBucket: OpenBucket = createMemoryStorage()) {
  let time = Date.UTC(2026, 0, 1);
  const stores = storesOf(openBucket, 'tavi');
  const store = stores.siteStore('berlin');
  const access = siteAccess('berlin').intake;
  const { federationStore } = stores;
  const context: SiteContext = {
    store: enforceAccess(store, access.own),
    site: 'berlin',
    tasks: DEFAULT_TASKS,
    now: () => {
      time += 1000;
      return new Date(time);
    },
  };
  return {
    context,
    store,
    federationStore,
    /** Refreshes the summary, with the access of intake's role. */
    summarize: (cache = createSummaryCache()) =>
      refreshSummary(context, enforceAccess(federationStore, access.federation), cache),
    /** Handles events of cases as a process with this cache does. */
    batch: (
      cache: SummaryCache,
      caseIds: readonly string[],
      reconcile = (): Promise<IntakeResults> => intakeCases(context, caseIds),
    ) => reconcileAndCount(context, enforceAccess(federationStore, access.federation), cache, reconcile),
    /** Sets the clock forward. */
    pass: (ms: number) => {
      time += ms;
    },
    put: (key: string, body: Uint8Array | string) => store.put(siteKeys.ofEvent(key), body),
    remove: (key: string) => store.delete(siteKeys.ofEvent(key)),
    /** Rescans the site, with the access of the rescan's role. */
    rescan: (options: Partial<RescanOptions> = {}, from = context) => {
      const role = siteAccess('berlin').rescan;
      const own = { ...from, store: enforceAccess(store, role.own) };
      const federation = enforceAccess(federationStore, role.federation);
      return rescanSite(own, federation, createSummaryCache(), { until: new Date(8.64e15), ...options });
    },
    reconcile: (caseId: string) => intakeCase(context, caseId),
    catalog: async (caseId: string) => (await tryReadJson(store, siteKeys.catalog(caseId), catalogSchema))?.value,
    rejected: async (caseId: string) => (await tryReadJson(store, siteKeys.rejected(caseId), rejectedSchema))?.value,
    summary: async () => (await readJson(federationStore, federationKeys.summary('berlin'), summarySchema)).value,
  };
}

/** A picture, uploaded under the name of a volume. */
export const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, ...new Array(500).fill(7)]);

export type TestSite = ReturnType<typeof testSite>;

/** Buckets in memory that record requests. */
export function recordedBuckets() {
  const calls: string[] = [];
  const openBucket = wrapBuckets(
    createMemoryStorage(),
    (store) =>
      new Proxy(store, {
        get: (target, name: keyof ObjectStore) => {
          const f = target[name];
          if (typeof f !== 'function') return f;
          return (...args: unknown[]) => {
            calls.push(`${name} ${String(args[0])}`);
            return (f as (...args: unknown[]) => unknown)(...args);
          };
        },
      }),
  );
  return { openBucket, calls };
}

/** All documents that intake wrote, without their times. */
export async function snapshot({ store, federationStore }: TestSite) {
  const found: Record<string, unknown> = {};
  const addAll = async <K extends string>(of: ObjectStore<K>, prefix: K) => {
    for await (const { key } of of.list(prefix)) {
      const { at: _, ...rest } = JSON.parse(Buffer.from((await of.get(key)).body).toString());
      found[key] = rest;
    }
  };
  await addAll(store, siteKeys.catalogPrefix);
  await addAll(store, siteKeys.rejectedPrefix);
  await addAll(federationStore, federationKeys.summaryPrefix);
  return found;
}

/** Buckets whose calls wait for the scheduler, so that fast-check can interleave the handlers. */
export function scheduled(openBucket: OpenBucket, scheduler: fc.Scheduler): OpenBucket {
  const scheduledCall =
    <A extends unknown[], R>(f: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      await scheduler.schedule(Promise.resolve());
      return f(...args);
    };
  return wrapBuckets(openBucket, (store) => ({
    ...store,
    put: scheduledCall(store.put),
    tryGet: scheduledCall(store.tryGet),
    putIfAbsent: scheduledCall(store.putIfAbsent),
    delete: scheduledCall(store.delete),
    getRange: scheduledCall(store.getRange),
    head: scheduledCall(store.head),
    list: async function* (prefix) {
      await scheduler.schedule(Promise.resolve());
      yield* store.list(prefix);
    },
  }));
}
