import type { HandlerContext } from '../../handlers/context.ts';
import { collect } from '../../lib/async.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { FederationKey } from '../../lib/federation/keys.ts';
import { type Random, uniform } from '../../lib/random.ts';
import type { FederationStore, ObjectInfo } from '../../lib/storage/contract.ts';
import { type Adversary, MAX_STALL } from './adversary.ts';
import type { Schedule } from './schedule.ts';

/** One run of a handler, a GPU task, the sweep or a command: its context, and the listings that it has read. */
export interface Invocation {
  readonly name: string;
  readonly context: HandlerContext;
  /** Revision of the history when it started. */
  readonly startedAt: number;
  /** Its latest listing of each prefix. */
  readonly listings: ReadonlyMap<string, Listing>;
}

interface Listing {
  /** Revision of the history when the listing began. */
  readonly revision: number;
  readonly objects: readonly ObjectInfo<FederationKey>[];
}

export interface InvocationOptions {
  /** Context of the simulated federation. */
  readonly shared: HandlerContext;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly skewSeconds: number;
  readonly pageSize: number;
  readonly listedKeys: number;
  readonly nextFault: Adversary['nextFault'];
  readonly revision: () => number;
  readonly onRead: (by: Invocation, key: FederationKey) => void;
  readonly onWrite: (by: Invocation, key: FederationKey, body: Uint8Array | string) => void;
  readonly onSend: (by: Invocation, body: string) => void;
}

/** Matches the messages of injected faults. */
export const INJECTED = /^Injected: /;
const crash = () => new Error('Injected: the process crashed');
const unavailable = () => new FedcardioError('STORAGE', 'Injected: 503');
const away = () => new FedcardioError('STORAGE_UNAVAILABLE', 'Injected: the storage is away');
const full = () => new FedcardioError('STORAGE_FULL', 'Injected: the disk is full');

/** Starts an invocation with its own clock and the current federation. The adversary decides the fault of each request. */
export function invoke(name: string, options: InvocationOptions): Invocation {
  const { shared, random, schedule, skewSeconds, pageSize, listedKeys, nextFault, revision, onRead, onWrite, onSend } =
    options;
  const { federationStore: store, federation } = shared;
  const skewMs = Math.round(uniform(random, -skewSeconds, skewSeconds)) * 1000;
  const listings = new Map<string, Listing>();
  let hasCrashed = false;

  const turn = async () => {
    await schedule.turn();
    if (hasCrashed) throw crash();
  };

  /** @param retryResult answer to the SDK's retry of a conditional write that has taken effect; for such writes only */
  async function request<T>(run: () => Promise<T>, isWrite = false, retryResult?: () => T): Promise<T> {
    await turn();
    const fault = nextFault({ isConditional: retryResult !== undefined, isWrite });
    if (fault === 'away') throw away();
    if (fault === 'full') throw full();
    if (fault === 'crash-before' || fault === 'crash-after') hasCrashed = true;
    if (fault === 'crash-before') throw crash();
    if (fault === 'refused') throw unavailable();
    if (fault === 'slow') await schedule.stall(Math.ceil(uniform(random, 0, MAX_STALL)));
    const result = await run();
    if (fault === 'crash-after') throw crash();
    if (fault === 'unanswered') throw unavailable();
    return fault === 'sdk-retry' && retryResult ? retryResult() : result;
  }

  const read =
    <A extends readonly unknown[], T>(
      run: (key: FederationKey, ...rest: A) => Promise<T>,
    ): ((key: FederationKey, ...rest: A) => Promise<T>) =>
    (key, ...rest) =>
      request(() => {
        onRead(invocation, key);
        return run(key, ...rest);
      });
  const wrote = <T>(key: FederationKey, body: Uint8Array | string, result: T): T => {
    onWrite(invocation, key, body);
    return result;
  };
  const conditionFailed = () => {
    throw new FedcardioError('PRECONDITION_FAILED', 'another writer was first');
  };

  const own: FederationStore = {
    bucket: store.bucket,
    get: read(store.get),
    tryGet: read(store.tryGet),
    getRange: read(store.getRange),
    stream: read(store.stream),
    head: read(store.head),
    put: (key, body, options) =>
      request(
        async () => wrote(key, body, await store.put(key, body, options)),
        true,
        options?.ifMatch === undefined && options?.ifNoneMatch === undefined ? undefined : conditionFailed,
      ),
    putIfAbsent: (key, body) =>
      request(
        async () => {
          const result = await store.putIfAbsent(key, body);
          return result === 'created' ? wrote(key, body, result) : result;
        },
        true,
        () => 'exists',
      ),
    putParts: async (key, parts) => {
      const body = Buffer.concat(await collect(parts));
      return request(async () => wrote(key, body, await store.put(key, body)), true);
    },
    delete: (key) => request(() => store.delete(key)),
    versions: store.versions,
    deleteVersion: store.deleteVersion,
    list: async function* (prefix) {
      const listing = { revision: revision(), objects: [] as ObjectInfo<FederationKey>[] };
      for (let isMore = true; isMore; ) {
        const rest = await request(async () => {
          const after = listing.objects.at(-1)?.key ?? '';
          return (await collect(store.list(prefix))).filter(({ key }) => key > after);
        });
        listing.objects.push(...rest.slice(0, pageSize));
        isMore = rest.length > pageSize;
      }
      listings.set(prefix, listing);
      yield* listing.objects;
    },
    folders: async function* (prefix) {
      yield* await request(() => collect(store.folders(prefix)));
    },
  };

  const invocation: Invocation = {
    name,
    startedAt: revision(),
    listings,
    context: {
      ...shared,
      federation,
      listedKeys,
      federationStore: own,
      queues: {
        ...shared.queues,
        send: (queue, body) =>
          request(async () => {
            onSend(invocation, body);
            await shared.queues.send(queue, body);
          }),
      },
      launcher: { submit: (...task) => request(() => shared.launcher.submit(...task)) },
      now: () => new Date(shared.now().getTime() + skewMs),
    },
  };
  return invocation;
}
