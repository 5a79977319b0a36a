import { aggregate } from '../../handlers/aggregate.ts';
import type { HandlerContext, SqsHandler } from '../../handlers/context.ts';
import { dispatch } from '../../handlers/dispatch.ts';
import { orchestrate } from '../../handlers/orchestrate.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { CampaignInput, Federation, GpuTaskMessage } from '../../lib/federation/schemas.ts';
import {
  type FederationRole,
  type HandlerName,
  names,
  type QueueSpec,
  type SiteRole,
  topologyOf,
} from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import { agreeToAll } from '../../lib/protocol/consent/at-site.ts';
import { storesOf } from '../../lib/storage/stores.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { asFederationRole, asSiteRole } from '../helpers/roles.ts';
import { answerGpuTask, type SimulatedSite, summaryOf } from './simulated-site.ts';

/** A message to a handler, or a GPU task. */
export type Delivery =
  | { readonly kind: 'message'; readonly queue: string; readonly body: string; readonly failures: number }
  | { readonly kind: 'task'; readonly message: GpuTaskMessage };

/**
 * A federation in memory with the real handlers and protocol, and simulated sites. Messages wait in `pending` until the
 * test delivers them, in any order and any number of times.
 */
export interface SimulatedFederation {
  readonly context: HandlerContext;
  readonly bucket: string;
  readonly pending: Delivery[];
  /** Number of writes by key. */
  readonly writes: ReadonlyMap<string, number>;
  readonly log: readonly { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[];
  advanceClock(seconds: number): void;
  /** Replaces the sites of the federation; all at the start. */
  setMembers(sites: readonly string[]): void;
  /** Delivers once. Returns false if the message failed and would be received again. */
  deliver(delivery: Delivery, options?: DeliveryOptions): Promise<boolean>;
  upload(campaign: CampaignInput | string): Promise<void>;
}

interface DeliveryOptions {
  /** Context of this delivery instead of the federation's. */
  readonly context?: HandlerContext;
  /** Current state of a GPU task's site. */
  readonly site?: SimulatedSite;
  /** See {@link answerGpuTask}. */
  readonly onAnswer?: (key: string, isUsable: boolean) => void;
}

/** Every site has labels of every task, and agrees to every campaign. Events that match a notification filter become messages in `pending`. */
export function simulateFederation(sites: readonly SimulatedSite[]): SimulatedFederation {
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
  const queues = new Map(topology.queues.map((queue) => [queue.name, queue]));
  const pending: Delivery[] = [];
  const writes = new Map<string, number>();
  const log: { event: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let clock = Date.parse('2026-03-02T08:00:00Z');
  const now = () => new Date(clock);
  const enqueue = (queue: string, body: string) => void pending.push({ kind: 'message', queue, body, failures: 0 });

  const openBucket = createMemoryStorage({
    now,
    onWrite: (_, key) => {
      writes.set(key, (writes.get(key) ?? 0) + 1);
      for (const { prefix = '', suffix = '', queue } of notifications) {
        if (key.startsWith(prefix) && key.endsWith(suffix)) enqueue(queue, JSON.stringify(s3Event(bucket, key, now())));
      }
    },
  });
  const stores = storesOf(openBucket, federation.id);
  // In memory, these take effect at once.
  for (const { id } of sites) void agreeToAll(stores.siteStore(id), id, now());
  const context: HandlerContext = {
    get federation() {
      return members;
    },
    ...stores,
    queues: {
      send: async (queue, body) => enqueue(queue, body),
      receive: async () => [],
      delete: async () => {},
      changeVisibility: async () => {},
      depth: async () => ({ waiting: 0, inFlight: 0 }),
    },
    launcher: { submit: async (message) => void pending.push({ kind: 'task', message }) },
    now,
    log: (event, fields) => void log.push({ event, fields }),
  };
  const handlers: Partial<Record<HandlerName, SqsHandler>> = { orchestrate, aggregate, dispatch };

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
    deliver: async (delivery, options = {}) => {
      const own = options.context ?? context;
      try {
        if (delivery.kind === 'task') {
          const site = options.site ?? sites.find(({ id }) => id === delivery.message.site);
          const asTask = asSiteRole(own, delivery.message.site, 'task');
          await answerGpuTask(asTask, site as SimulatedSite, delivery.message, options.onAnswer);
          return true;
        }
        const { handler: name, site } = queues.get(delivery.queue) as QueueSpec;
        const handle = handlers[name] as SqsHandler;
        const role =
          site === undefined ? asFederationRole(own, name as FederationRole) : asSiteRole(own, site, name as SiteRole);
        const attributes = { ApproximateReceiveCount: String(delivery.failures + 1) };
        const record = { messageId: '1', body: delivery.body, attributes };
        return (await handle({ Records: [record] }, role)).batchItemFailures.length === 0;
      } catch (error) {
        own.log('delivery-failed', {
          ...(delivery.kind === 'task' && { site: delivery.message.site }),
          reason: (error as Error).message,
        });
        return false;
      }
    },
    upload: async (campaign) => {
      for (const site of sites) {
        await stores.federationStore.put(federationKeys.summary(site.id), canonicalJson(summaryOf(site, now())));
      }
      const [id, body] = typeof campaign === 'string' ? ['broken', campaign] : [campaign.id, JSON.stringify(campaign)];
      await stores.federationStore.put(federationKeys.campaign(id), body);
    },
  };
}

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
