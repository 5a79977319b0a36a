import { cpSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import * as targets from 'aws-cdk-lib/aws-scheduler-targets';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Duration, type Stack } from 'aws-cdk-lib/core';
import { FedcardioError } from '../lib/error.ts';
import type { FunctionName } from '../lib/federation/functions.ts';
import { FUNCTION_CONCURRENCY, FUNCTION_TIMEOUT_SECONDS } from '../lib/federation/functions.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import type { QueueSpec } from '../lib/federation/topology.ts';
import { canonicalJson } from '../lib/json.ts';
import { queueArn } from './arns.ts';
import type { Network } from './network.ts';
import { KEPT } from './stack-options.ts';

/**
 * Memory in MB. Lambda assigns one processor per 1,769 MB, and new accounts get at most 3,008 MB. docs/deployment.md explains the
 * choices.
 */
const FUNCTION_MEMORY: Readonly<Record<FunctionName, number>> = {
  // Decompresses and reads whole CTs: one processor, several times the memory of the largest CT.
  intake: 3008,
  // The same work, for what was missed.
  rescan: 3008,
  dispatch: 512,
  'job-failed': 512,
  orchestrate: 1024,
  // Merges on two processors, one of them not whole: one hashes, one adds.
  aggregate: 3008,
  sweep: 3008,
  endpoints: 256,
};

export interface FunctionOptions {
  readonly name: FunctionName;
  /** Name of the function and of its role. */
  readonly functionName: string;
  readonly statements: readonly iam.PolicyStatement[];
  /** Statements of managed policies of less than 6 kB each, for what exceeds the role's inline policy. */
  readonly attached?: readonly (readonly iam.PolicyStatement[])[];
  readonly environment: Readonly<Record<string, string>>;
  /** The folder of the bundles that `npm run build` makes. */
  readonly handlers: string;
  readonly logKey: kms.IKey | undefined;
  readonly network?: Network;
  /** Written into the bundle as federation.json. */
  readonly federation?: Federation;
  /** Whether the function reserves its share of the account's concurrent executions. */
  readonly reserved?: boolean | undefined;
  /** For a function that is invoked asynchronously: how, and who is told of an event that it did not handle. */
  readonly asynchronous?: Asynchronous;
}

/** Without it, Lambda would call a failed function twice more, whatever the retries of the scheduler or of EventBridge. */
interface Asynchronous {
  readonly retryAttempts: 0 | 1 | 2;
  /** Lambda drops an event that waits longer, for example while the function is throttled. */
  readonly maxEventAge: Duration;
  readonly failures: sns.ITopic;
}

/**
 * How a schedule's function is invoked: the next time does what a failed one has left. An event waits for longer than the
 * function can run, so that one that is busy or throttled for a while is no failure.
 */
export const scheduled = (failures: sns.ITopic): Asynchronous => ({
  retryAttempts: 0,
  maxEventAge: Duration.minutes(20),
  failures,
});

/** A Lambda function with a role of its own. The role has the given statements, logs and traces only. */
export function addFunction(stack: Stack, options: FunctionOptions): lambda.Function {
  const { name, functionName, network, logKey, asynchronous } = options;
  const id = name.replace(/(^|-)(\w)/g, (_, _dash, letter: string) => letter.toUpperCase());
  const logGroup = new logs.LogGroup(stack, `${id}Log`, {
    retention: logs.RetentionDays.ONE_YEAR,
    removalPolicy: KEPT,
    ...(logKey ? { encryptionKey: logKey } : {}),
  });
  const role = new iam.Role(stack, `${id}Role`, {
    roleName: functionName,
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Function: new iam.PolicyDocument({
        statements: [
          ...options.statements,
          // A role that is given gets no rights from the CDK.
          new iam.PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logGroup.logGroupArn],
          }),
          ...(network ? networkStatements(stack, functionName) : []),
          ...(asynchronous ? publishStatements(asynchronous.failures) : []),
        ],
      }),
    },
  });
  for (const [index, statements] of (options.attached ?? []).entries()) {
    new iam.ManagedPolicy(stack, `${id}Policy${index}`, { statements: [...statements], roles: [role] });
  }
  return new lambda.Function(stack, id, {
    functionName,
    role,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: codeOf(options),
    memorySize: FUNCTION_MEMORY[name],
    ...(options.reserved ? { reservedConcurrentExecutions: FUNCTION_CONCURRENCY[name] } : {}),
    timeout: Duration.seconds(FUNCTION_TIMEOUT_SECONDS[name]),
    tracing: lambda.Tracing.ACTIVE,
    logGroup,
    environment: { NODE_OPTIONS: '--enable-source-maps', POWERTOOLS_LOG_LEVEL: 'INFO', ...options.environment },
    ...(network
      ? {
          vpc: network.vpc,
          securityGroups: [network.securityGroup],
          vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
        }
      : {}),
    ...(asynchronous
      ? {
          retryAttempts: asynchronous.retryAttempts,
          maxEventAge: asynchronous.maxEventAge,
          onFailure: { bind: () => ({ destination: asynchronous.failures.topicArn }) },
        }
      : {}),
  });
}

/** Permissions that Lambda needs to attach a function to a network. They are denied to the function's own code. */
function networkStatements(stack: Stack, functionName: string): iam.PolicyStatement[] {
  const actions = [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const resources = ['*'];
  const self = `arn:${stack.partition}:lambda:${stack.region}:${stack.account}:function:${functionName}`;
  return [
    new iam.PolicyStatement({ actions, resources }),
    new iam.PolicyStatement({
      effect: iam.Effect.DENY,
      actions,
      resources,
      conditions: { ArnEquals: { 'lambda:SourceFunctionArn': self } },
    }),
  ];
}

/** Permission to publish to a topic. Lambda does it with the function's role. */
const publishStatements = ({ topicArn, masterKey }: sns.ITopic): iam.PolicyStatement[] => [
  new iam.PolicyStatement({ actions: ['sns:Publish'], resources: [topicArn] }),
  ...(masterKey
    ? [
        new iam.PolicyStatement({
          actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
          resources: [masterKey.keyArn],
          // The key may be that of objects too.
          conditions: { StringEquals: { 'kms:EncryptionContext:aws:sns:topicArn': topicArn } },
        }),
      ]
    : []),
];

function codeOf({ name, handlers, federation }: FunctionOptions): lambda.Code {
  const bundle = join(handlers, name);
  if (!existsSync(join(bundle, 'index.mjs'))) {
    throw new FedcardioError('BAD_CONFIGURATION', `The bundle of ${name} is missing in ${bundle}.`, {
      hint: 'Run `npm run build`.',
    });
  }
  if (!federation) return lambda.Code.fromAsset(bundle);
  // The CDK copies the folder's contents when it synthesizes.
  const folder = mkdtempSync(join(tmpdir(), 'fedcardio-function-'));
  cpSync(bundle, folder, { recursive: true });
  writeFileSync(join(folder, 'federation.json'), canonicalJson(federation));
  return lambda.Code.fromAsset(folder);
}

/** A call that Lambda does not accept is not repeated: the next one does the same work. See also {@link scheduled}. */
export function invokeEvery(stack: Stack, fn: lambda.Function, name: string, minutes: number): void {
  new scheduler.Schedule(stack, `Schedule-${name}`, {
    schedule: scheduler.ScheduleExpression.rate(Duration.minutes(minutes)),
    target: new targets.LambdaInvoke(fn, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
    description: `Invokes ${name} every ${minutes === 1 ? 'minute' : `${minutes} minutes`}`,
  });
}

/** Delivers a queue's messages to a function. Failed messages return to the queue one by one. */
export function consume(stack: Stack, fn: lambda.Function, queue: QueueSpec): void {
  new lambda.EventSourceMapping(stack, `${fn.node.id}Source`, {
    target: fn,
    eventSourceArn: queueArn(stack, queue, queue.name),
    batchSize: queue.batchSize,
    // Larger batches than SQS returns at once must be gathered first.
    ...(queue.batchSize > 10 ? { maxBatchingWindow: Duration.seconds(1) } : {}),
    maxConcurrency: Math.max(2, FUNCTION_CONCURRENCY[queue.handler]),
    reportBatchItemFailures: true,
  });
}
