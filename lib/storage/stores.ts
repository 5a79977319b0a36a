import { names } from '../federation/topology.ts';
import type { ObjectStore, OpenBucket, Queues, Stores } from './contract.ts';

/** The stores of a federation. The buckets of sites are opened by `openSite` if they are elsewhere. */
export const storesOf = (openBucket: OpenBucket, federation: string, openSite = openBucket): Stores => ({
  federationStore: openBucket(names.federationBucket(federation)),
  siteStore: (site) => openSite(names.siteBucket(federation, site)),
});

/** Opens buckets with `wrap` around each store, for example to observe or to count requests. */
export const wrapBuckets =
  (openBucket: OpenBucket, wrap: <K extends string>(store: ObjectStore<K>) => ObjectStore<K>): OpenBucket =>
  (bucket) =>
    wrap(openBucket(bucket));

/** Queues that are in several places. */
export const routedQueues = (placeOf: (queue: string) => Queues): Queues => ({
  send: (queue, ...rest) => placeOf(queue).send(queue, ...rest),
  receive: (queue, ...rest) => placeOf(queue).receive(queue, ...rest),
  delete: (queue, ...rest) => placeOf(queue).delete(queue, ...rest),
  changeVisibility: (queue, ...rest) => placeOf(queue).changeVisibility(queue, ...rest),
  depth: (queue) => placeOf(queue).depth(queue),
});
