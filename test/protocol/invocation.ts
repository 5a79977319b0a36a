import type { HandlerContext } from '../../handlers/context.ts';
import { collect } from '../../lib/async.ts';
import { FedcardioError } from '../../lib/error.ts';
import { type Random, uniform } from '../../lib/random.ts';
import type { ObjectInfo, Objects } from '../../lib/storage/contract.ts';
import type { Fault } from './scenario.ts';
import type { Schedule } from './schedule.ts';

/** One run of a handler, a task, the sweep or a command: what it was given and what it has seen. */
export interface Invocation {
  readonly name: string;
  readonly context: HandlerContext;
  /** The moment at which it started, see History. */
  readonly startedAt: number;
  /** Its last listing of each prefix. */
  readonly looks: ReadonlyMap<string, Look>;
}

interface Look {
  /** The moment at which it began. */
  readonly moment: number;
  readonly objects: readonly ObjectInfo[];
}

export interface Surroundings {
  readonly world: HandlerContext;
  readonly random: Random;
  readonly schedule: Schedule;
  readonly skewSeconds: number;
  readonly pageSize: number;
  /** What goes wrong with the next request. */
  readonly nextFault: (isConditional: boolean) => Fault | undefined;
  readonly moment: () => number;
  readonly onWrite: (by: Invocation, key: string, body: Uint8Array | string) => void;
  readonly onSend: (by: Invocation, body: string) => void;
}

/** How the model's faults are told from the product's. */
export const INJECTED = /^Injected: /;
const crash = () => new Error('Injected: the process has died');
const unavailable = () => new FedcardioError('STORAGE', 'Injected: 503');

/** Ticks that a slow request takes, at most: minutes. */
export const MAX_STALL = 3;

/** Starts an invocation: a clock of its own, the federation as it is now, and every request through the adversary. */
export function invoke(name: string, surroundings: Surroundings): Invocation {
  const { world, random, schedule, skewSeconds, pageSize, nextFault, moment, onWrite, onSend } = surroundings;
  const { objects, federation } = world;
  const skewMs = Math.round(uniform(random, -skewSeconds, skewSeconds)) * 1000;
  const looks = new Map<string, Look>();
  let isDead = false;

  const turn = async () => {
    await schedule.turn();
    if (isDead) throw crash();
  };

  /** @param echo what the repetition of a conditional write that has had its effect is told */
  async function request<T>(run: () => Promise<T>, echo?: () => T): Promise<T> {
    await turn();
    const fault = nextFault(echo !== undefined);
    if (fault === 'crash-before' || fault === 'crash-after') isDead = true;
    if (fault === 'crash-before') throw crash();
    if (fault === 'refused') throw unavailable();
    if (fault === 'slow') await schedule.stall(Math.ceil(uniform(random, 0, MAX_STALL)));
    const result = await run();
    if (fault === 'crash-after') throw crash();
    if (fault === 'unanswered') throw unavailable();
    return fault === 'echo' && echo ? echo() : result;
  }

  const wrote = <T>(key: string, body: Uint8Array | string, result: T): T => {
    onWrite(invocation, key, body);
    return result;
  };
  const conditionFailed = () => {
    throw new FedcardioError('PRECONDITION_FAILED', 'another writer was there first');
  };

  const own: Objects = {
    get: (...args) => request(() => objects.get(...args)),
    tryGet: (...args) => request(() => objects.tryGet(...args)),
    getRange: (...args) => request(() => objects.getRange(...args)),
    stream: (...args) => request(() => objects.stream(...args)),
    head: (...args) => request(() => objects.head(...args)),
    put: (bucket, key, body, options) =>
      request(
        async () => wrote(key, body, await objects.put(bucket, key, body, options)),
        options?.ifMatch === undefined && options?.ifNoneMatch === undefined ? undefined : conditionFailed,
      ),
    putIfAbsent: (bucket, key, body) =>
      request(
        async () => {
          const result = await objects.putIfAbsent(bucket, key, body);
          return result === 'created' ? wrote(key, body, result) : result;
        },
        () => 'exists',
      ),
    putParts: async (bucket, key, parts) => {
      const body = Buffer.concat(await collect(parts));
      return request(async () => wrote(key, body, await objects.put(bucket, key, body)));
    },
    delete: (...args) => request(() => objects.delete(...args)),
    list: async function* (bucket, prefix) {
      const look = { moment: moment(), objects: [] as ObjectInfo[] };
      for (let isMore = true; isMore; ) {
        const rest = await request(async () => {
          const after = look.objects.at(-1)?.key ?? '';
          return (await collect(objects.list(bucket, prefix))).filter(({ key }) => key > after);
        });
        look.objects.push(...rest.slice(0, pageSize));
        isMore = rest.length > pageSize;
      }
      looks.set(prefix, look);
      yield* look.objects;
    },
    folders: async function* (bucket, prefix) {
      yield* await request(() => collect(objects.folders(bucket, prefix)));
    },
  };

  const invocation: Invocation = {
    name,
    startedAt: moment(),
    looks,
    context: {
      ...world,
      federation,
      objects: own,
      queues: {
        ...world.queues,
        send: (queue, body) =>
          request(async () => {
            onSend(invocation, body);
            await world.queues.send(queue, body);
          }),
      },
      launcher: { submit: (...task) => request(() => world.launcher.submit(...task)) },
      now: () => new Date(world.now().getTime() + skewMs),
    },
  };
  return invocation;
}
