import { execFile, execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { addStacks } from '../../cdk/stacks.ts';
import { type StackTemplate, synthesize } from '../../cdk/synthesize.ts';
import type { ConnectionOptions } from '../../lib/aws/clients.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import { createQueues } from '../../lib/aws/queues.ts';
import { type Federation, federationSchema } from '../../lib/federation/schemas.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { provision } from '../../local/deploy/provision.ts';
import { startEmbeddedServer } from '../../local/emulator/server.ts';
import { createAuthorizer } from './authorizer.ts';
import { type Batch, type BatchOptions, createBatch } from './batch.ts';
import { type CloudFormation, createCloudFormation } from './cloud-formation.ts';
import { processContainers } from './container.ts';
import { type Deployment, readDeployment } from './deployment.ts';
import { createEventBus, type EventBus } from './event-bus.ts';
import { poll } from './event-sources.ts';
import { createFunctions, type Functions } from './functions.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { canHost } from './hosts.ts';
import { createIdentities, type Identities } from './identities.ts';
import { nameOf, resourcesOf } from './resources.ts';

export interface CloudOptions {
  readonly federation: Federation;
  /** Empty folder for bundles, assets and data. */
  readonly folder: string;
  /** Length of a minute of the schedules, ms. */
  readonly minuteMs: number;
  readonly interrupt?: BatchOptions['interrupt'];
}

/**
 * A federation's stacks on this machine, as far as they run: buckets, queues, functions, schedules, rules and jobs are those
 * of the synthesized templates, with the environment and the roles that these give them. Only the endpoint is added.
 */
export interface Cloud {
  readonly stacks: readonly StackTemplate[];
  readonly deployment: Deployment;
  readonly gateway: Gateway;
  readonly functions: Functions;
  readonly batch: Batch;
  readonly bus: EventBus;
  /** Storage and queues without roles, to look at the result. */
  readonly openBucket: ReturnType<typeof createObjectStorage>;
  readonly depths: () => Promise<Readonly<Record<string, number>>>;
  /** Segments that functions sent to X-Ray. */
  readonly traces: readonly string[];
  /** Failures of pollers and schedules, which AWS would show in its console. */
  readonly problems: readonly string[];
  /** Connection with a role's credentials. */
  connectionOf(role: string): ConnectionOptions;
  /** Runs a command of the command line with a role's credentials. */
  fedcardio(
    role: string,
    ...words: readonly string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  /** Resolves when no function and no job runs and no queue but the dead letters' holds a message. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Containers at a time. */
const HOSTS = 2;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function startCloud({ federation, folder, minuteMs, interrupt }: CloudOptions): Promise<Cloud> {
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), folder]);
  const assembly = join(folder, 'assembly');
  const handlers = join(folder, 'handlers');
  const stacks = synthesize(
    (app) => addStacks(app, topologyOf(federationSchema.parse(federation)), handlers),
    assembly,
  );
  const deployment = readDeployment(stacks, assembly);
  const server = await startEmbeddedServer({ dataDir: join(folder, 'data') });
  await provision(stacks, { endpoint: server.endpoint });

  const authorizer = createAuthorizer(stacks);
  const identities = createIdentities(authorizer.world);
  const traces = await startTraceDaemon();
  const services: { batch?: Batch; cloudFormation?: CloudFormation } = {};
  const gateway = await startGateway({
    upstream: server.endpoint,
    authorizer,
    identities,
    batch: (...request) => (services.batch as Batch).service(...request),
    cloudFormation: (...request) => (services.cloudFormation as CloudFormation).service(...request),
  });
  const endpoint = { AWS_ENDPOINT_URL: gateway.endpoint };
  const functions = createFunctions(deployment.functions, { identities, endpoint, tracesTo: traces.address });
  const bus = createEventBus(deployment, functions);
  const onChange = () => services.batch?.wake();
  const cloudFormation = createCloudFormation({ stacks, assembly, emit: bus.put, onChange });
  const batch = createBatch({
    deployment,
    canHost: (place) => canHost([...stacks, ...cloudFormation.created()], place),
    hosts: HOSTS,
    runContainer: processContainers(folder),
    environmentOf: ({ role }) => ({ ...identities.credentialsOf(role), ...endpoint }),
    emit: bus.put,
    ...(interrupt && { interrupt }),
  });
  services.batch = batch;
  services.cloudFormation = cloudFormation;

  const problems: string[] = [];
  const report = (what: string) => (error: unknown) => void problems.push(`${what}: ${error}`);
  const stopping = new AbortController();
  const { signal } = stopping;
  const pollers = deployment.sources.map((source) => {
    const fn = deployment.functions.find(({ name }) => name === source.function);
    if (!fn) throw new Error(`The templates have no function ${source.function}.`);
    const credentials = identities.credentialsOf(fn.role);
    const options = { endpoint: gateway.endpoint, functions, signal };
    return poll(source, fn, credentials, options).catch(report(`poller of ${source.queueArn}`));
  });
  const schedules = deployment.schedules.map(async ({ everyMinutes, target, mayInvoke, input }) => {
    if (!mayInvoke) return report(target)('the schedule may not invoke it');
    while (!signal.aborted) {
      functions.invokeLater(nameOf(target), input === undefined ? {} : JSON.parse(input));
      await sleep(everyMinutes * minuteMs, undefined, { signal }).catch(() => undefined);
    }
  });

  const queues = createQueues({ endpoint: server.endpoint });
  const queueNames = resourcesOf(stacks, 'SQS::Queue').map(({ arn }) => nameOf(arn));
  const depths = async (): Promise<Readonly<Record<string, number>>> =>
    Object.fromEntries(
      await Promise.all(
        queueNames.map(async (name) => {
          const { waiting, inFlight } = await queues.depth(name);
          return [name, waiting + inFlight];
        }),
      ),
    );

  async function isIdle(): Promise<boolean> {
    const isWorking = () => functions.pending() + batch.active() > 0;
    if (isWorking()) return false;
    const letters = Object.entries(await depths()).filter(([name, depth]) => depth > 0 && !name.endsWith('-dlq'));
    return letters.length === 0 && !isWorking();
  }

  return {
    stacks,
    deployment,
    gateway,
    functions,
    batch,
    bus,
    problems,
    traces: traces.segments,
    openBucket: createObjectStorage({ endpoint: server.endpoint }),
    depths,
    connectionOf: (role) => {
      const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = identities.credentialsOf(role);
      return {
        endpoint: gateway.endpoint,
        region: authorizer.world.roles.get(role)?.region,
        credentials: {
          accessKeyId: AWS_ACCESS_KEY_ID,
          secretAccessKey: AWS_SECRET_ACCESS_KEY,
          sessionToken: AWS_SESSION_TOKEN,
        },
      };
    },
    fedcardio: (role, ...words) => commandLine(role, words, { identities, endpoint, authorizer, folder }),
    async idle() {
      for (let quiet = 0; quiet < 2; quiet = (await isIdle()) ? quiet + 1 : 0) await sleep(200);
    },
    async close() {
      stopping.abort();
      await Promise.all([...pollers, ...schedules]);
      await functions.stop();
      await gateway.close();
      await server.close();
      traces.close();
    },
  };
}

interface Shell {
  readonly identities: Identities;
  readonly endpoint: Readonly<Record<string, string>>;
  readonly authorizer: Pick<ReturnType<typeof createAuthorizer>, 'world'>;
  readonly folder: string;
}

/** The command line as a person runs it who has assumed a role. */
async function commandLine(
  role: string,
  words: readonly string[],
  { identities, endpoint, authorizer, folder }: Shell,
) {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    AWS_REGION: authorizer.world.roles.get(role)?.region,
    ...identities.credentialsOf(role),
    ...endpoint,
  };
  const args = [join(ROOT, 'bin', 'fedcardio.mjs'), ...words];
  return promisify(execFile)(process.execPath, args, { env, cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

/** The X-Ray daemon that Lambda runs beside a function. */
async function startTraceDaemon() {
  const daemon = createSocket('udp4');
  const segments: string[] = [];
  daemon.on('message', (message) => segments.push(message.toString()));
  daemon.bind(0, '127.0.0.1');
  await once(daemon, 'listening');
  const address = `127.0.0.1:${(daemon.address() as AddressInfo).port}`;
  return { address, segments, close: () => daemon.close() };
}
