import { federationKeys } from '../lib/federation/keys.ts';
import { collect } from '../lib/federation/protocol/async.ts';
import { createJson } from '../lib/federation/protocol/documents.ts';
import { canonicalJson, sha256Hex } from '../lib/federation/protocol/json.ts';
import { learns } from '../lib/federation/protocol/plan.ts';
import { recordFailure } from '../lib/federation/protocol/tasks.ts';
import {
  type CampaignInput,
  type Federation,
  type Summary,
  type TaskMessage,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import type { Objects } from '../lib/storage/contract.ts';
import { createMemoryObjects } from '../lib/storage/memory.ts';
import { decodeSafetensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import type { Weights } from '../lib/weights/weights.ts';
import { aggregate } from './aggregate.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { dispatch } from './dispatch.ts';
import { orchestrate } from './orchestrate.ts';

/**
 * A federation in memory for tests: the real handlers and protocol, simulated sites whose "training" adds their number
 * to the global model. Nothing is delivered by itself: messages wait in `pending` for the test to deliver them in any
 * order, as often as it likes, or never.
 */

export interface SimulatedSite {
  readonly id: string;
  readonly samples: number;
  /** What becomes of its tasks: an update, none ever, a recorded failure, weights that are not finite. */
  readonly behaviour: 'good' | 'silent' | 'fails' | 'diverges';
}

export type Delivery =
  | { readonly kind: 'message'; readonly queue: string; readonly body: string }
  | { readonly kind: 'task'; readonly message: TaskMessage };

/** Runs one request to storage or queues; a test may delay it, or crash the caller before or after it. */
export type Request = <T>(run: () => Promise<T>) => Promise<T>;

export interface SimulatedFederation {
  readonly context: HandlerContext;
  readonly bucket: string;
  readonly pending: Delivery[];
  /** How often each key was written. */
  readonly writes: ReadonlyMap<string, number>;
  readonly log: readonly { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  advanceClock(seconds: number): void;
  /** Sites that belong to the federation from now on; all at the start. */
  setMembers(sites: readonly string[]): void;
  /** Delivers once: false where the message failed and would come again. */
  deliver(delivery: Delivery): Promise<boolean>;
  upload(campaign: CampaignInput | string): Promise<void>;
}

/** Every site has labels of every task. Messages of events that match a notification filter are put in `pending`. */
export function simulateFederation(
  sites: readonly SimulatedSite[],
  request: Request = (run) => run(),
): SimulatedFederation {
  const federationOf = (members: readonly string[]): Federation => ({
    schema: 'fedcardio.federation/1',
    id: 'heart',
    sites: members.map((id) => ({ id, name: id })),
  });
  const federation = federationOf(sites.map(({ id }) => id));
  let members = federation;
  const bucket = names.federationBucket(federation.id);
  const topology = topologyOf(federation);
  const notifications = topology.buckets.find(({ name }) => name === bucket)?.notifications ?? [];
  const pending: Delivery[] = [];
  const writes = new Map<string, number>();
  const log: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let clock = Date.parse('2026-03-02T08:00:00Z');
  const now = () => new Date(clock);

  const memory = createMemoryObjects({
    now,
    onWrite: (_, key) => {
      writes.set(key, (writes.get(key) ?? 0) + 1);
      for (const { prefix = '', suffix = '', queue } of notifications) {
        if (key.startsWith(prefix) && key.endsWith(suffix)) {
          pending.push({ kind: 'message', queue, body: JSON.stringify(s3Event(bucket, key, now())) });
        }
      }
    },
  });
  const objects = through(request, memory);
  const context: HandlerContext = {
    get federation() {
      return members;
    },
    objects,
    queues: {
      send: (queue, body) => request(async () => void pending.push({ kind: 'message', queue, body })),
      receive: async () => [],
      delete: async () => {},
      changeVisibility: async () => {},
      depth: async () => ({ waiting: 0, inFlight: 0 }),
    },
    launcher: { submit: async (message) => void pending.push({ kind: 'task', message }) },
    now,
    log: (event, fields) => void log.push({ event, fields }),
  };
  const handlers = { orchestrate, aggregate, dispatch } as const;

  return {
    context,
    bucket,
    pending,
    writes,
    log,
    advanceClock: (seconds) => {
      clock += seconds * 1000;
    },
    setMembers: (ids) => {
      members = federationOf(ids);
    },
    deliver: async (delivery) => {
      try {
        if (delivery.kind === 'task') {
          await runTask(context, sites, delivery.message);
          return true;
        }
        const handler = topology.queues.find(({ name }) => name === delivery.queue)?.handler as keyof typeof handlers;
        const record = { messageId: '1', body: delivery.body };
        return (await (handlers[handler] as SqsHandler)({ Records: [record] }, context)).batchItemFailures.length === 0;
      } catch (error) {
        log.push({ event: 'delivery-failed', fields: { reason: (error as Error).message } });
        return false;
      }
    },
    upload: async (campaign) => {
      for (const site of sites) {
        await memory.put(bucket, federationKeys.summary(site.id), canonicalJson(summaryOf(site, now())));
      }
      const [id, body] = typeof campaign === 'string' ? ['broken', campaign] : [campaign.id, JSON.stringify(campaign)];
      await memory.put(bucket, federationKeys.campaign(id), body);
    },
  };
}

/** What a site makes of the model it is given: its number and a tenth more everywhere, or 0 where there is none. */
export function trainedBy(site: SimulatedSite, base: Weights | undefined): Weights {
  const step = site.behaviour === 'diverges' ? Number.NaN : site.samples + 0.1;
  const start = base?.get('w')?.data ?? new Float32Array(3);
  return new Map([['w', { dtype: 'F32', shape: [3], data: start.map((value, i) => value + step * (i + 1)) }]]);
}

async function runTask(context: HandlerContext, sites: readonly SimulatedSite[], message: TaskMessage): Promise<void> {
  const { objects, now, federation } = context;
  const { campaign, stage, round, base, config } = message;
  const at = { campaign, stage, round };
  const site = sites.find(({ id }) => id === message.site) as SimulatedSite;
  if (site.behaviour === 'silent') return;
  if (site.behaviour === 'fails') return recordFailure(context, message, 'no GPU to be had');
  const bucket = names.federationBucket(federation.id);
  const model = base ? decodeSafetensors((await objects.get(bucket, base.key)).body) : undefined;
  const file = learns(config) ? encodeSafetensors(trainedBy(site, model)) : undefined;
  const sha256 = file && sha256Hex(file);
  const key = sha256 && federationKeys.updateWeights(at, site.id, sha256);
  if (file && key) await objects.put(bucket, key, file);
  await createJson(objects, bucket, federationKeys.update(at, site.id, sha256 ?? 'report'), updateSchema, {
    schema: 'fedcardio.update/1',
    ...at,
    site: site.id,
    at: now().toISOString(),
    status: 'ok',
    samples: site.samples,
    weights: file && key && sha256 ? { key, sha256, bytes: file.length, delta: false } : null,
    base: base?.sha256 ?? null,
    figures: { loss: 1 / round },
    seconds: 1,
  });
}

const summaryOf = ({ id, samples }: SimulatedSite, now: Date): Summary => ({
  schema: 'fedcardio.summary/1',
  site: id,
  at: now.toISOString(),
  cases: { training: samples, evaluation: samples, rejected: 0 },
  labelled: { 'hinge-points': samples },
  labelledEvaluation: {},
});

const s3Event = (bucket: string, key: string, now: Date) => ({
  Records: [
    {
      eventVersion: '2.1',
      eventName: 'ObjectCreated:Put',
      eventTime: now.toISOString(),
      s3: { bucket: { name: bucket }, object: { key: encodeURIComponent(key).replaceAll('%2F', '/') } },
    },
  ],
});

/** The same storage with every request handed to `request`. */
function through(request: Request, objects: Objects): Objects {
  return {
    get: (...args) => request(() => objects.get(...args)),
    tryGet: (...args) => request(() => objects.tryGet(...args)),
    getRange: (...args) => request(() => objects.getRange(...args)),
    stream: (...args) => request(() => objects.stream(...args)),
    head: (...args) => request(() => objects.head(...args)),
    put: (...args) => request(() => objects.put(...args)),
    putIfAbsent: (...args) => request(() => objects.putIfAbsent(...args)),
    putParts: (...args) => request(() => objects.putParts(...args)),
    delete: (...args) => request(() => objects.delete(...args)),
    list: async function* (bucket, prefix) {
      yield* await request(() => collect(objects.list(bucket, prefix)));
    },
    folders: async function* (bucket, prefix) {
      yield* await request(() => collect(objects.folders(bucket, prefix)));
    },
  };
}
