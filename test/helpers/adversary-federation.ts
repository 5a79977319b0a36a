import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aggregate } from '../../handlers/aggregate.ts';
import type { GpuTaskLauncher, HandlerContext } from '../../handlers/context.ts';
import { dispatch } from '../../handlers/dispatch.ts';
import { intake } from '../../handlers/intake.ts';
import { orchestrate } from '../../handlers/orchestrate.ts';
import { sweep } from '../../handlers/sweep.ts';
import { createObjects } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import { names, topologyOf } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { Objects } from '../../lib/storage/contract.ts';
import { deploy } from '../../local/deploy/deploy.ts';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { startEmbeddedServer } from '../../local/emulator/server.ts';
import { startQueueRunner } from '../../local/queue-runner.ts';
import { answerGpuTask, type SimulatedSite, summaryOf } from '../protocol/simulated-site.ts';

/** Many times as often as on AWS, so that what takes minutes there takes a second. */
const SWEEP_SECONDS = 0.3;
const RESEND_SECONDS = 1;

/**
 * For tests: real handlers, the real runner and the embedded server, all over HTTP, with simulated sites in the place of
 * GPU tasks. Everything that the server can do wrong it does, until `calm`.
 */
export async function startAdversaryFederation(sites: readonly SimulatedSite[], faults: FaultsInput) {
  const directory = await mkdtemp(join(tmpdir(), 'fedcardio-adversary-'));
  const federation: Federation = {
    schema: 'fedcardio.federation/1',
    id: 'heart',
    sites: sites.map(({ id }) => ({ id, name: id })),
  };
  const bucket = names.federationBucket(federation.id);
  const topology = topologyOf(federation);
  const failures: unknown[] = [];
  const server = await startEmbeddedServer({ dataDir: directory, onFailure: (error) => failures.push(error) });
  const { endpoint } = server;
  await deploy(endpoint, topology);
  const askFaults = async (method: 'PUT' | 'GET' | 'DELETE') => {
    const body = method === 'PUT' ? { body: JSON.stringify(faults) } : {};
    const response = await fetch(`${endpoint}/_fedcardio/faults`, { method, ...body });
    if (!response.ok) throw new Error(await response.text());
    return response;
  };

  const created = new Map<string, number>();
  /** Whether each answer may be merged, by its key. */
  const answers = new Map<string, boolean>();
  const queues = createQueues({ endpoint });
  const tasks = simulatedSites(sites, () => context, answers);
  const context: HandlerContext = {
    federation,
    objects: countingCreations(createObjects({ endpoint }), created),
    queues,
    launcher: tasks,
    now: () => new Date(),
    log: () => {},
  };
  for (const site of sites) {
    const summary = canonicalJson(summaryOf(site, new Date()));
    await context.objects.put(bucket, federationKeys.summary(site.id), summary);
  }
  await askFaults('PUT');
  const runner = startQueueRunner({
    context,
    topology,
    handlers: { intake, dispatch, orchestrate, aggregate },
    sweep: { everySeconds: SWEEP_SECONDS, run: () => sweep(context, { resendAfterSeconds: RESEND_SECONDS }) },
    retrySeconds: 1,
  });

  return {
    context,
    bucket,
    answers,
    /** How often each key was created, as far as its creator was told. */
    created: created as ReadonlyMap<string, number>,
    /** From now on nothing goes wrong. Returns how often something has. */
    async calm(): Promise<number> {
      const { struck } = (await (await askFaults('GET')).json()) as { struck: readonly number[] };
      await askFaults('DELETE');
      return struck.reduce((sum, times) => sum + times, 0);
    },
    async close() {
      await runner.stop();
      await tasks.idle();
      await server.close();
      await rm(directory, { recursive: true });
      if (failures.length > 0) throw new AggregateError(failures, 'the embedded server failed');
    },
  };
}

export type AdversaryFederation = Awaited<ReturnType<typeof startAdversaryFederation>>;

function countingCreations(objects: Objects, created: Map<string, number>): Objects {
  return {
    ...objects,
    putIfAbsent: async (bucket, key, body) => {
      const result = await objects.putIfAbsent(bucket, key, body);
      if (result === 'created') created.set(key, (created.get(key) ?? 0) + 1);
      return result;
    },
  };
}

/** Starts each task once while it runs. One that fails is gone, as with its machine: the sweep asks for it again. */
function simulatedSites(
  sites: readonly SimulatedSite[],
  context: () => HandlerContext,
  answers: Map<string, boolean>,
): GpuTaskLauncher & { idle(): Promise<unknown> } {
  const running = new Map<string, Promise<void>>();
  return {
    submit: async (message) => {
      const task = federationKeys.siteUpdates(message, message.site);
      const site = sites.find(({ id }) => id === message.site);
      if (!site || running.has(task)) return;
      const answer = answerGpuTask(context(), site, message, (key, isUsable) => answers.set(key, isUsable));
      running.set(
        task,
        answer.catch(() => {}).finally(() => running.delete(task)),
      );
    },
    idle: () => Promise.all(running.values()),
  };
}
