import type { ConnectionOptions } from '../lib/aws/clients.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { createQueues } from '../lib/aws/queues.ts';
import { siteConnection, siteEnvironment } from '../lib/aws/site-connection.ts';
import { type Federation, isOnPremises, type Site } from '../lib/federation/schemas.ts';
import {
  isGpuTaskQueue,
  machineTopologyOf,
  type QueueSpec,
  type Topology,
  topologyOf,
} from '../lib/federation/topology.ts';
import type { OpenBucket, Queues } from '../lib/storage/contract.ts';
import { type WaitOut, waitingQueues, waitingStore } from '../lib/storage/outages.ts';
import { openSentLog, recordingStore } from '../lib/storage/sent-log.ts';
import { routedQueues, wrapBuckets } from '../lib/storage/stores.ts';

/** The machine of an on-premises site, which has the site's own bucket and reaches the federation elsewhere. */
export interface Machine {
  readonly site: string;
  /** How it reaches the federation's bucket and the site's GPU task queue. */
  readonly federation: ConnectionOptions;
  /** File that records everything that is sent to the federation. */
  readonly sentLog: string;
}

/** The part of a federation that a machine has, and how it reaches the rest. */
export interface Part {
  /** The buckets and queues on this machine. */
  readonly topology: Topology;
  readonly here: ConnectionOptions;
  /** The queues that this machine consumes, here or at the federation. */
  readonly queues: readonly QueueSpec[];
  /** The federation with those sites only whose uploads this machine examines. */
  readonly own: Federation;
}

interface PartOptions {
  readonly federation: Federation;
  /** By default it is the coordinator's machine, and that of all sites except on-premises ones. */
  readonly machine?: Machine;
  /** Selects the queues to consume; all on this machine by default. */
  readonly consumes?: (queue: QueueSpec) => boolean;
}

/** @param hasEvents whether the storage at the endpoint sends object events, as the embedded server does */
export function partOf({ federation, machine, consumes }: PartOptions, endpoint: string, hasEvents: boolean): Part {
  const topology = topologyOf(federation);
  const siteOf = (id: string | undefined) => federation.sites.find((site) => site.id === id);
  if (!machine) {
    const isOwn = (queue: QueueSpec) => !(isGpuTaskQueue(queue) && isOnPremises(siteOf(queue.site) as Site));
    const queues = topology.queues.filter(consumes ?? isOwn);
    const examines = (id: string) => queues.some((queue) => queue.site === id && queue.handler === 'intake');
    const own = { ...federation, sites: federation.sites.filter(({ id }) => examines(id)) };
    return { topology, here: { endpoint }, queues, own };
  }
  const site = siteOf(machine.site) as Site;
  const local = machineTopologyOf(federation, site, { events: hasEvents });
  const tasks = topology.queues.filter((queue) => queue.site === site.id && isGpuTaskQueue(queue));
  const here = siteConnection(process.env, endpoint) as ConnectionOptions;
  return { topology: local, here, queues: [...local.queues, ...tasks], own: local.federation };
}

/** The buckets and queues that a machine reaches, which wait out outages. */
interface Reach {
  readonly openFederation: OpenBucket;
  readonly openSite: OpenBucket;
  readonly queues: Queues;
}

/** Everything at one endpoint. */
export function reachHere({ here }: Part, waitOut: WaitOut): Reach {
  const openBucket = wrapBuckets(createObjectStorage(here), (store) => waitingStore(store, waitOut));
  return { openFederation: openBucket, openSite: openBucket, queues: waitingQueues(createQueues(here), waitOut) };
}

/** The site's own storage here, and the federation elsewhere. What is sent there is recorded. */
export function reachBoth(
  part: Part,
  { federation, sentLog }: Machine,
  waitOut: { readonly site: WaitOut; readonly federation: WaitOut },
  now: () => Date,
): Reach {
  const { openSite, queues } = reachHere(part, waitOut.site);
  const log = openSentLog(sentLog, now);
  const openFederation = wrapBuckets(createObjectStorage(federation), (store) =>
    recordingStore(waitingStore(store, waitOut.federation), log, waitOut.site),
  );
  const remote = createQueues(federation);
  // An idle machine notices an outage of the federation only when it receives.
  const receive: Queues['receive'] = (...poll) => waitOut.federation(() => remote.receive(...poll));
  const waiting = { ...waitingQueues(remote, waitOut.federation), receive };
  const isHere = (queue: string) => part.topology.queues.some(({ name }) => name === queue);
  return { openFederation, openSite, queues: routedQueues((queue) => (isHere(queue) ? queues : waiting)) };
}

/** How GPU tasks reach the same. Credentials of the federation are found as those of this process are. */
export const gpuTaskEnvironment = ({ here }: Part, machine: Machine | undefined): Readonly<Record<string, string>> =>
  machine
    ? {
        ...siteEnvironment(here),
        FEDCARDIO_ENDPOINT: machine.federation.endpoint ?? '',
        FEDCARDIO_SENT_LOG: machine.sentLog,
        ...(machine.federation.region && { AWS_REGION: machine.federation.region }),
      }
    : { FEDCARDIO_ENDPOINT: here.endpoint as string };
