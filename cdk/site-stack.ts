import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { type App, Duration, Stack } from 'aws-cdk-lib/core';
import { siteAccess } from '../lib/federation/access.ts';
import { periodicFunctions, SITE_FUNCTIONS } from '../lib/federation/functions.ts';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { names, placeOf, type QueueSpec, type SiteRole, type Topology } from '../lib/federation/topology.ts';
import { canonicalJson } from '../lib/json.ts';
import { addAlarmTopic } from './alarm-topic.ts';
import { addSiteAlarms } from './alarms.ts';
import { addFunction, consume, invokeEvery } from './functions.ts';
import { gpuTaskImage } from './gpu-task-image.ts';
import { addGpuTaskQueue } from './gpu-task-queue.ts';
import { addLogKey } from './log-key.ts';
import type { Network } from './network-stack.ts';
import { consumeStatements, objectStatements, submitStatements } from './permissions.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';

/** Default hosts: one GPU of 24 GB, enough for the full-size models, in the two generations with most spot capacity. */
const GPU = { instanceTypes: ['g5.xlarge', 'g6.xlarge'], maxVcpus: 8 } as const;

export interface ComputeOptions {
  /** The folder of the bundles that `npm run build` makes. */
  readonly handlers: string;
  readonly networkOf: (place: ReturnType<typeof placeOf>) => Network;
}

/** The compute stack of a site: functions, GPU tasks, the roles of people. */
export function addSiteStack(app: App, topology: Topology, site: Site, options: ComputeOptions): Stack {
  const { federation } = topology;
  const place = placeOf(federation, site);
  const stack = new Stack(app, `${names.siteBucket(federation.id, site.id)}-compute`, {
    ...environmentOf(place),
    description: `fedcardio: functions and GPU tasks of site ${site.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  const network = options.networkOf(place);
  const logKey = addLogKey(stack);
  const bucket = { ...place, bucket: names.siteBucket(federation.id, site.id) };
  const federationBucket = { ...placeOf(federation), bucket: names.federationBucket(federation.id) };
  const roleName = (role: SiteRole) => names.siteRole(federation.id, site.id, role);
  const objectsOf = (role: SiteRole) => [
    ...objectStatements(stack, bucket, siteAccess(site.id)[role].own),
    ...objectStatements(stack, federationBucket, siteAccess(site.id)[role].federation),
  ];

  const jobs = `${federation.id}-${site.id}`;
  const { queue: jobQueue, definition } = addGpuTaskQueue(stack, {
    name: jobs,
    image: gpuTaskImage(stack, federation, site),
    instanceTypes: site.gpu?.instanceTypes ?? GPU.instanceTypes,
    maxVcpus: site.gpu?.maxVcpus ?? GPU.maxVcpus,
    vcpus: 4,
    memoryMib: 14_000,
    gpus: 1,
    environment: {},
    jobRole: new iam.Role(stack, 'TaskRole', {
      roleName: roleName('task'),
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      inlinePolicies: { Task: new iam.PolicyDocument({ statements: objectsOf('task') }) },
    }),
    network,
    logKey,
  });

  const queues = topology.queues.filter((queue) => queue.site === site.id);
  const queueOf = (handler: string) => queues.find((queue) => queue.handler === handler) as QueueSpec;
  const consumed = (handler: string) => consumeStatements(stack, bucket, queueOf(handler).name);
  const extra: Readonly<Record<(typeof SITE_FUNCTIONS)[number], iam.PolicyStatement[]>> = {
    intake: consumed('intake'),
    rescan: [],
    dispatch: [...consumed('dispatch'), ...submitStatements(stack, jobs)],
    'job-failed': [],
  };
  const functions = new Map<string, lambda.Function>(
    SITE_FUNCTIONS.map((name) => [
      name,
      addFunction(stack, {
        name,
        functionName: roleName(name),
        statements: [...objectsOf(name), ...extra[name]],
        environment: {
          FEDCARDIO_FEDERATION: canonicalJson(federationOfSite(federation, site)),
          FEDCARDIO_SITE: site.id,
          ...(name === 'dispatch'
            ? { FEDCARDIO_JOB_QUEUE: jobQueue.jobQueueArn, FEDCARDIO_JOB_DEFINITION: definition.jobDefinitionArn }
            : {}),
        },
        handlers: options.handlers,
        logKey,
        network,
      }),
    ]),
  );
  for (const queue of queues) consume(stack, functions.get(queue.handler) as lambda.Function, queue);

  for (const { name, everyMinutes } of periodicFunctions('site')) {
    invokeEvery(stack, functions.get(name) as lambda.Function, name, everyMinutes);
  }

  const failed = new events.Rule(stack, 'FailedJobs', {
    description: 'A job has failed after all retries: the function reports it to the round',
    eventPattern: {
      source: ['aws.batch'],
      detailType: ['Batch Job State Change'],
      detail: { status: ['FAILED'], jobQueue: [jobQueue.jobQueueArn] },
    },
  });
  failed.addTarget(
    new targets.LambdaFunction(functions.get('job-failed') as lambda.Function, {
      maxEventAge: Duration.hours(6),
      retryAttempts: 185,
    }),
  );

  addPersonRole(stack, 'Upload', site.uploaders, {
    roleName: roleName('upload'),
    description: 'Uploads and removes cases, and reads their catalog entries and predictions',
    statements: objectsOf('upload'),
  });
  addPersonRole(stack, 'Withdraw', site.withdrawers, {
    roleName: roleName('withdraw'),
    description: 'Deletes cases, and what was derived from them, with all versions',
    statements: objectsOf('withdraw'),
  });
  addSiteAlarms(stack, {
    queues,
    functions: [...functions.values()],
    failed,
    jobQueue,
    rescan: roleName('rescan'),
    topic: addAlarmTopic(stack, logKey),
  });
  return stack;
}

interface PersonRole {
  readonly roleName: string;
  readonly description: string;
  readonly statements: iam.PolicyStatement[];
}

/** A role that people of the hospital assume. There is none without principals that may. */
function addPersonRole(
  stack: Stack,
  name: string,
  people: readonly string[] = [],
  { roleName, description, statements }: PersonRole,
): void {
  if (people.length === 0) return;
  new iam.Role(stack, `${name}Role`, {
    roleName,
    description,
    assumedBy: new iam.CompositePrincipal(...people.map((arn) => new iam.ArnPrincipal(arn))),
    maxSessionDuration: Duration.hours(12),
    inlinePolicies: { [name]: new iam.PolicyDocument({ statements }) },
  });
}

/** The part of the federation that a site's functions know: the site itself, none of the others. */
const federationOfSite = ({ schema, id, account, region }: Federation, { id: site, name }: Site): Federation => ({
  schema,
  id,
  account,
  region,
  sites: [{ id: site, name }],
});
