import { names } from '../federation/topology.ts';
import type { ObjectStore, OpenBucket, Stores } from './contract.ts';

/** The stores of a federation whose buckets are all opened by `openBucket`. */
export const storesOf = (openBucket: OpenBucket, federation: string): Stores => ({
  federationStore: openBucket(names.federationBucket(federation)),
  siteStore: (site) => openBucket(names.siteBucket(federation, site)),
});

/** Opens buckets with `wrap` around each store, for example to observe or to count requests. */
export const wrapBuckets =
  (openBucket: OpenBucket, wrap: <K extends string>(store: ObjectStore<K>) => ObjectStore<K>): OpenBucket =>
  (bucket) =>
    wrap(openBucket(bucket));
