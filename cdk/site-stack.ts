import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { type App, Duration, Stack, Tags } from 'aws-cdk-lib/core';
import { siteAccess } from '../lib/federation/access.ts';
import { periodicFunctions, SITE_FUNCTIONS } from '../lib/federation/functions.ts';
import { SITE_TAG } from '../lib/federation/guards.ts';
import { isFirstOfAccount } from '../lib/federation/one-site.ts';
import { type Federation, GPU_DEFAULTS, type Site } from '../lib/federation/schemas.ts';
import { names, placeOf, type QueueSpec, type SiteRole, type Topology } from '../lib/federation/topology.ts';
import { canonicalJson } from '../lib/json.ts';
import { addAlarmTopic } from './alarm-topic.ts';
import { addSiteAlarms } from './alarms.ts';
import { addBudget } from './budget.ts';
import { addFunction, consume, type FunctionOptions, invokeEvery, scheduled } from './functions.ts';
import { gpuTaskImage } from './gpu-task-image.ts';
import { addGpuTaskQueue } from './gpu-task-queue.ts';
import { logKeyOf } from './keys.ts';
import type { Network } from './network.ts';
import { addOutputs } from './outputs.ts';
import { addPeopleRole } from './people-role.ts';
import { consumeStatements, objectStatements, submitStatements, targetOf } from './permissions.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';
import { addSubscribers } from './subscribers.ts';

/** How job-failed is invoked. A failure that is not reported is found by the next message for the GPU task. */
const REPORT = { retryAttempts: 2, maxEventAge: Duration.hours(6) } as const;

/** Functions that read CTs, in the network without internet. The others call Batch and S3, and see ids only. */
const READ_CASES: readonly string[] = ['intake', 'rescan'];

export interface ComputeOptions {
  /** The folder of the bundles that `npm run build` makes. */
  readonly handlers: string;
  readonly networkOf: (place: ReturnType<typeof placeOf>) => Network;
}

/** The compute stack of a site: functions, GPU tasks, the roles of people. */
export function addSiteStack(app: App, topology: Topology, site: Site, options: ComputeOptions): Stack {
  const { federation } = topology;
  const place = placeOf(federation, site);
  const stack = new Stack(app, names.computeStack(names.siteBucket(federation.id, site.id)), {
    ...environmentOf(place),
    description: `fedcardio: functions and GPU tasks of site ${site.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  Tags.of(stack).add(SITE_TAG, site.id, { includeResourceTypes: ['AWS::IAM::Role'] });
  const network = options.networkOf(place);
  const logKey = logKeyOf(stack, federation, site);
  const bucket = targetOf(federation, site);
  const roleName = (role: SiteRole) => names.siteRole(federation.id, site.id, role);
  const objectsOf = (role: SiteRole) => [
    ...objectStatements(stack, bucket, siteAccess(site.id)[role].own),
    ...objectStatements(stack, targetOf(federation), siteAccess(site.id)[role].federation),
  ];

  const topic = addAlarmTopic(stack, logKey);
  const alarms = topic as sns.ITopic;
  addSubscribers(alarms, site.subscribers);
  if (isFirstOfAccount(federation, site)) addBudget(stack, federation);

  const jobs = names.jobQueue(federation.id, site.id);
  const image = gpuTaskImage(stack, federation, site);
  const jobRole = new iam.Role(stack, 'TaskRole', {
    roleName: roleName('task'),
    assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    inlinePolicies: { Task: new iam.PolicyDocument({ statements: objectsOf('task') }) },
  });
  const { queue: jobQueue, definition } = addGpuTaskQueue(stack, {
    ...GPU_DEFAULTS,
    ...given(site.gpu),
    name: jobs,
    image,
    environment: {},
    jobRole,
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
  const asynchronous = (name: string): Pick<FunctionOptions, 'asynchronous'> => {
    if (name === 'job-failed') return { asynchronous: { ...REPORT, failures: alarms } };
    return name === 'rescan' ? { asynchronous: scheduled(alarms) } : {};
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
        ...(READ_CASES.includes(name) ? { network } : {}),
        reserved: federation.reservedConcurrency,
        ...asynchronous(name),
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
      maxEventAge: REPORT.maxEventAge,
      retryAttempts: 185,
    }),
  );

  const uploadRole = addPeopleRole(stack, site.uploaders, {
    name: 'Upload',
    roleName: roleName('upload'),
    description: 'Uploads and removes cases, and reads their catalog entries and predictions',
    statements: objectsOf('upload'),
  });
  const withdrawRole = addPeopleRole(stack, site.withdrawers, {
    name: 'Withdraw',
    roleName: roleName('withdraw'),
    description: 'Deletes cases, and what was derived from them, with all versions',
    statements: objectsOf('withdraw'),
  });
  addSiteAlarms(stack, { site: site.id, queues, failed, jobQueue, rescan: roleName('rescan'), topic: alarms });
  addOutputs(stack, {
    UploadRoleArn: uploadRole?.roleArn,
    WithdrawRoleArn: withdrawRole?.roleArn,
    TaskRoleArn: jobRole.roleArn,
    JobQueueArn: jobQueue.jobQueueArn,
    JobDefinitionArn: definition.jobDefinitionArn,
    AlarmTopicArn: topic.topicArn,
    ImageUri: image.uri,
  });
  return stack;
}

/** The fields that are given: others have defaults. */
const given = <T extends object>(fields: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

/** The part of the federation that a site's functions know: the site itself, none of the others. */
const federationOfSite = ({ schema, id, account, region }: Federation, { id: site, name }: Site): Federation => ({
  schema,
  id,
  account,
  region,
  sites: [{ id: site, name }],
});
