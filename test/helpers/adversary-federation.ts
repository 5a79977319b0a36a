import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HandlerContext } from '../../handlers/context.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { OpenBucket } from '../../lib/storage/contract.ts';
import { wrapBuckets } from '../../lib/storage/stores.ts';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { type ClosableLauncher, startPlatform } from '../../local/platform.ts';
import { answerGpuTask, type SimulatedSite, summaryOf } from '../protocol/simulated-site.ts';

/** Much more often than on AWS, so that minutes there are a second here. */
const SWEEP_SECONDS = 0.3;
const RESEND_SECONDS = 1;

/**
 * Real handlers, queue runner and embedded server over HTTP, with simulated sites in place of GPU tasks. The server injects
 * faults until `stopFaults`.
 */
export async function startAdversaryFederation(sites: readonly SimulatedSite[], faults: FaultsInput) {
  const directory = await mkdtemp(join(tmpdir(), 'fedcardio-adversary-'));
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'heart',
    sites: sites.map(({ id }) => ({ id, name: id })),
  };
  const failures: unknown[] = [];
  const created = new Map<string, number>();
  /** Whether each answer may be merged, by its key. */
  const answers = new Map<string, boolean>();
  const platform = await startPlatform({
    federation,
    server: { dataDir: directory, onFailure: (error) => failures.push(error) },
    gpuTasks: (context) => simulatedSites(sites, context, answers),
    sweep: { everySeconds: SWEEP_SECONDS, resendAfterSeconds: RESEND_SECONDS },
    retrySeconds: 1,
    wrapBuckets: (openBucket) => countingCreations(openBucket, created),
  });
  const { context, endpoint } = platform;
  const askFaults = async (method: 'PUT' | 'GET' | 'DELETE') => {
    const body = method === 'PUT' ? { body: JSON.stringify(faults) } : {};
    const response = await fetch(`${endpoint}/_fedcardio/faults`, { method, ...body });
    if (!response.ok) throw new Error(await response.text());
    return response;
  };
  for (const site of sites) {
    const summary = canonicalJson(summaryOf(site, new Date()));
    await context.federationStore.put(federationKeys.summary(site.id), summary);
  }
  await askFaults('PUT');

  return {
    context,
    answers,
    /** Number of confirmed creations by bucket and key. */
    created: created as ReadonlyMap<string, number>,
    /** Ends all faults. Returns how often one was injected. */
    async stopFaults(): Promise<number> {
      const { struck } = (await (await askFaults('GET')).json()) as { struck: readonly number[] };
      await askFaults('DELETE');
      return struck.reduce((sum, times) => sum + times, 0);
    },
    async close() {
      await platform.close();
      await rm(directory, { recursive: true });
      if (failures.length > 0) throw new AggregateError(failures, 'The embedded server failed.');
    },
  };
}

export type AdversaryFederation = Awaited<ReturnType<typeof startAdversaryFederation>>;

const countingCreations = (openBucket: OpenBucket, created: Map<string, number>): OpenBucket =>
  wrapBuckets(openBucket, (store) => ({
    ...store,
    putIfAbsent: async (key, body) => {
      const result = await store.putIfAbsent(key, body);
      const object = `${store.bucket}/${key}`;
      if (result === 'created') created.set(object, (created.get(object) ?? 0) + 1);
      return result;
    },
  }));

/** Starts each GPU task once while it runs. Drops one that fails; the sweep sends it again. */
function simulatedSites(
  sites: readonly SimulatedSite[],
  context: Pick<HandlerContext, 'federationStore' | 'siteStore' | 'federation' | 'now' | 'log'>,
  answers: Map<string, boolean>,
): ClosableLauncher {
  const running = new Map<string, Promise<void>>();
  return {
    submit: async (message) => {
      const task = federationKeys.siteUpdates(message, message.site);
      const site = sites.find(({ id }) => id === message.site);
      if (!site || running.has(task)) return;
      const answer = answerGpuTask(context, site, message, (key, isUsable) => answers.set(key, isUsable));
      running.set(
        task,
        answer.catch(() => {}).finally(() => running.delete(task)),
      );
    },
    close: () => Promise.all(running.values()),
  };
}
