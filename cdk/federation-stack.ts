import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { type App, Stack } from 'aws-cdk-lib/core';
import { FEDERATION_ACCESS, SENDERS } from '../lib/federation/access.ts';
import { FEDERATION_FUNCTIONS, MERGING_FUNCTIONS, periodicFunctions } from '../lib/federation/functions.ts';
import { type FederationRole, names, placeOf, type Topology } from '../lib/federation/topology.ts';
import { canonicalJson } from '../lib/json.ts';
import { addAlarmTopic } from './alarm-topic.ts';
import { addBudget } from './budget.ts';
import { addFunction, consume, invokeEvery, scheduled } from './functions.ts';
import { gpuTaskImage } from './gpu-task-image.ts';
import { addGpuTaskQueue } from './gpu-task-queue.ts';
import { logKeyOf } from './keys.ts';
import { addOutputs } from './outputs.ts';
import { addPeopleRole } from './people-role.ts';
import { consumeStatements, objectStatements, sendStatements, submitStatements, targetOf } from './permissions.ts';
import type { ComputeOptions } from './site-stack.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';
import { addSubscribers } from './subscribers.ts';

/** A round with more bytes of updates is merged by a Batch job: a function reads them twice within its time-out. */
const MERGE_MAX_BYTES = 4 * 2 ** 30;
/**
 * Instances for merges, which mostly read and hash: two processors, a network of up to 12.5 Gbit/s. On demand: all sites wait
 * for a merge of some minutes.
 */
const MERGE = {
  instanceTypes: ['c6i.xlarge', 'c5.xlarge'],
  maxVcpus: 8,
  spot: false,
  vcpus: 4,
  memoryMib: 7000,
  gpus: 0,
} as const;

/** The coordinator's stack, and the topic of its alarms. */
export interface FederationCompute {
  readonly stack: Stack;
  readonly topic: sns.ITopic;
}

/** The coordinator: functions, the schedule of the sweep, the jobs of large merges, the research role. */
export function addFederationStack(app: App, topology: Topology, options: ComputeOptions): FederationCompute {
  const { federation } = topology;
  const place = placeOf(federation);
  const name = names.federationBucket(federation.id);
  const stack = new Stack(app, names.computeStack(name), {
    ...environmentOf(place),
    description: `fedcardio: coordinator of federation ${federation.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  const logKey = logKeyOf(stack, federation);
  const bucket = targetOf(federation);
  const objectsOf = (role: FederationRole) => objectStatements(stack, bucket, FEDERATION_ACCESS[role]);
  const inline = (statements: iam.PolicyStatement[]) => ({ Access: new iam.PolicyDocument({ statements }) });

  const topic = addAlarmTopic(stack, logKey) as sns.ITopic;
  addSubscribers(topic, federation.subscribers);
  addBudget(stack, federation);
  const { queue: jobQueue, definition } = addGpuTaskQueue(stack, {
    ...MERGE,
    name: names.mergeJobQueue(federation.id),
    image: gpuTaskImage(stack, federation),
    environment: { FEDCARDIO_FEDERATION: canonicalJson(mergeFederation(topology)) },
    jobRole: new iam.Role(stack, 'MergeRole', {
      roleName: names.federationRole(federation.id, 'merge'),
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      inlinePolicies: inline(objectsOf('merge')),
    }),
    network: options.networkOf(place),
    logKey,
  });

  const queues = topology.queues.filter((queue) => queue.site === undefined);
  const tasks = federation.sites.map((site) => ({
    ...targetOf(federation, site),
    queue: names.gpuTaskQueue(federation.id, site.id),
  }));
  const functions = new Map<string, lambda.Function>(
    FEDERATION_FUNCTIONS.map((role) => {
      const mayMerge = (MERGING_FUNCTIONS as readonly string[]).includes(role);
      const queue = queues.find(({ handler }) => handler === role);
      return [
        role,
        addFunction(stack, {
          name: role,
          functionName: names.federationRole(federation.id, role),
          statements: [
            ...objectsOf(role),
            ...(queue ? consumeStatements(stack, bucket, queue.name) : []),
            ...(mayMerge ? submitStatements(stack, names.mergeJobQueue(federation.id)) : []),
          ],
          attached: SENDERS.includes(role) ? inGroups(tasks, 20).map((group) => sendStatements(stack, group)) : [],
          environment: {
            FEDCARDIO_FEDERATION: 'file:federation.json',
            ...(mayMerge
              ? {
                  FEDCARDIO_MERGE_JOB_QUEUE: jobQueue.jobQueueArn,
                  FEDCARDIO_MERGE_JOB_DEFINITION: definition.jobDefinitionArn,
                  FEDCARDIO_MERGE_MAX_BYTES: String(MERGE_MAX_BYTES),
                }
              : {}),
          },
          handlers: options.handlers,
          logKey,
          federation,
          reserved: federation.reservedConcurrency,
          ...(role === 'sweep' ? { asynchronous: scheduled(topic) } : {}),
        }),
      ];
    }),
  );
  for (const queue of queues) consume(stack, functions.get(queue.handler) as lambda.Function, queue);
  for (const { name, everyMinutes } of periodicFunctions('federation')) {
    invokeEvery(stack, functions.get(name) as lambda.Function, name, everyMinutes);
  }
  const researchRole = addPeopleRole(stack, federation.researchers, {
    name: 'Research',
    roleName: names.federationRole(federation.id, 'research'),
    description: 'Starts, pauses and reads campaigns',
    statements: objectsOf('research'),
  });
  addOutputs(stack, { ResearchRoleArn: researchRole?.roleArn, MergeJobQueueArn: jobQueue.jobQueueArn });
  return { stack, topic };
}

const inGroups = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));

/** The part of the federation that a merge needs: the sites. */
const mergeFederation = ({ federation: { schema, id, sites } }: Topology) => ({
  schema,
  id,
  sites: sites.map((site) => ({ id: site.id, name: site.name })),
});
