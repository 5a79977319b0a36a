import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '../../cdk/isolation/resolve.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { type Deployed, nameOf, resourcesOf } from './resources.ts';
import type { RetryCondition } from './retry.ts';

/** What the templates describe, as far as it runs. Everything is read from them, nothing from the code that made them. */
export interface Deployment {
  readonly functions: readonly DeployedFunction[];
  readonly sources: readonly EventSource[];
  readonly schedules: readonly Schedule[];
  readonly rules: readonly Rule[];
  readonly permissions: readonly Permission[];
  readonly jobQueues: readonly Placed[];
  readonly jobDefinitions: readonly JobDefinition[];
}

export interface Placed {
  readonly arn: string;
  readonly account: string;
  readonly region: string;
}

type Variables = Readonly<Record<string, string>>;

export interface DeployedFunction extends Placed {
  readonly name: string;
  /** Name of its role. */
  readonly role: string;
  readonly environment: Variables;
  /** Folder of its code. */
  readonly folder: string;
  /** `<module>.<export>`. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Retries of a failed asynchronous invocation. */
  readonly retries: number;
}

/** A queue whose messages Lambda passes to a function. */
export interface EventSource {
  readonly queueArn: string;
  /** Name of the function. */
  readonly function: string;
  readonly batchSize: number;
  readonly windowSeconds: number;
  /** Whether the function's answer names the messages that failed. */
  readonly reportsFailures: boolean;
}

interface Schedule {
  readonly everyMinutes: number;
  readonly target: string;
  /** Whether a policy of the schedule's role allows it to invoke the target. */
  readonly mayInvoke: boolean;
  readonly input: string | undefined;
}

interface Rule extends Placed {
  readonly pattern: Json;
  readonly targets: readonly string[];
}

/** A statement of a function's resource policy: the source may invoke it. */
interface Permission {
  readonly function: string;
  readonly principal: string;
  readonly sourceArn: string | undefined;
}

export interface JobDefinition extends Placed {
  readonly name: string;
  /** Name of the container's role. */
  readonly role: string;
  readonly command: readonly string[];
  readonly environment: Variables;
  readonly attempts: number;
  readonly evaluateOnExit: readonly RetryCondition[];
  readonly timeoutSeconds: number | undefined;
}

/** @param assembly folder with the assets of the templates */
export function readDeployment(stacks: readonly StackTemplate[], assembly: string): Deployment {
  const all = <T>(type: string, read: (resource: Deployed) => T) => resourcesOf(stacks, type).map(read);
  const retries = new Map(
    all('Lambda::EventInvokeConfig', ({ property }) => [
      nameOf(property<string>('FunctionName') as string),
      property<number>('MaximumRetryAttempts') ?? RETRIES,
    ]),
  );
  return {
    functions: all('Lambda::Function', (resource) => functionOf(resource, assembly, retries)),
    sources: all('Lambda::EventSourceMapping', ({ property }) => ({
      queueArn: property('EventSourceArn') as string,
      function: nameOf(property('FunctionName') as string),
      batchSize: property<number>('BatchSize') ?? 10,
      windowSeconds: property<number>('MaximumBatchingWindowInSeconds') ?? 0,
      reportsFailures: (property<string[]>('FunctionResponseTypes') ?? []).includes('ReportBatchItemFailures'),
    })),
    schedules: all('Scheduler::Schedule', ({ property }) => {
      const { Arn, RoleArn, Input } = property('Target') as { Arn: string; RoleArn: string; Input?: string };
      return {
        everyMinutes: minutesOf(property('ScheduleExpression') as string),
        target: Arn,
        mayInvoke: mayInvoke(stacks, nameOf(RoleArn), Arn),
        input: Input,
      };
    }),
    rules: all('Events::Rule', ({ arn, account, region, property }) => ({
      arn,
      account,
      region,
      pattern: property('EventPattern') ?? null,
      targets: (property<{ Arn: string }[]>('Targets') ?? []).map(({ Arn }) => Arn),
    })),
    permissions: all('Lambda::Permission', ({ property }) => ({
      function: nameOf(property('FunctionName') as string),
      principal: property('Principal') as string,
      sourceArn: property('SourceArn'),
    })),
    jobQueues: all('Batch::JobQueue', ({ arn, account, region }) => ({ arn, account, region })),
    jobDefinitions: all('Batch::JobDefinition', definitionOf),
  };
}

interface Policy {
  readonly Statement: readonly { readonly Effect: string; readonly Action: Json; readonly Resource: Json }[];
}

function mayInvoke(stacks: readonly StackTemplate[], role: string, target: string): boolean {
  const policies = resourcesOf(stacks, 'IAM::Policy').filter(({ property }) =>
    property<string[]>('Roles')?.includes(role),
  );
  return policies.some(({ property }) =>
    (property('PolicyDocument') as unknown as Policy).Statement.some(
      ({ Effect, Action, Resource }) =>
        Effect === 'Allow' && Action === 'lambda:InvokeFunction' && [Resource].flat().includes(target),
    ),
  );
}

/** Lambda's default for asynchronous invocations. */
const RETRIES = 2;

function functionOf(
  { arn, account, region, property }: Deployed,
  assembly: string,
  retries: ReadonlyMap<string, number>,
): DeployedFunction {
  const { S3Key } = property('Code') as { S3Key: string };
  const folder = join(assembly, `asset.${S3Key.replace(/\.zip$/, '')}`);
  if (!existsSync(folder)) throw new Error(`${arn}: the assembly has no ${folder}`);
  return {
    arn,
    account,
    region,
    name: nameOf(arn),
    role: nameOf(property('Role') as string),
    environment: property<{ Variables?: Record<string, string> }>('Environment')?.Variables ?? {},
    folder,
    handler: property('Handler') as string,
    memoryMb: property<number>('MemorySize') ?? 128,
    timeoutSeconds: property<number>('Timeout') ?? 3,
    retries: retries.get(nameOf(arn)) ?? RETRIES,
  };
}

interface ContainerProperties {
  readonly Command?: string[];
  readonly Environment?: { Name: string; Value: string }[];
  readonly JobRoleArn: string;
}

type Condition = Readonly<Record<'Action' | 'OnExitCode' | 'OnReason' | 'OnStatusReason', string | undefined>>;

function definitionOf({ arn, account, region, property }: Deployed): JobDefinition {
  const container = property('ContainerProperties') as unknown as ContainerProperties;
  const { Attempts = 1, EvaluateOnExit = [] } =
    (property('RetryStrategy') as unknown as { Attempts?: number; EvaluateOnExit?: Condition[] } | undefined) ?? {};
  const seconds = property<{ AttemptDurationSeconds: number }>('Timeout')?.AttemptDurationSeconds;
  return {
    arn,
    account,
    region,
    name: property('JobDefinitionName') as string,
    role: nameOf(container.JobRoleArn),
    command: container.Command ?? [],
    environment: Object.fromEntries((container.Environment ?? []).map(({ Name, Value }) => [Name, Value])),
    attempts: Attempts,
    evaluateOnExit: EvaluateOnExit.map(({ Action, OnExitCode, OnReason, OnStatusReason }) => ({
      action: Action?.toUpperCase() === 'RETRY' ? 'RETRY' : 'EXIT',
      ...(OnExitCode === undefined ? {} : { onExitCode: OnExitCode }),
      ...(OnReason === undefined ? {} : { onReason: OnReason }),
      ...(OnStatusReason === undefined ? {} : { onStatusReason: OnStatusReason }),
    })),
    timeoutSeconds: seconds,
  };
}

const MINUTES: Readonly<Record<string, number>> = { minute: 1, hour: 60, day: 1440 };

/** Minutes of `rate(5 minutes)`. */
function minutesOf(expression: string): number {
  const [, value, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (value === undefined || unit === undefined) throw new Error(`The schedule ${expression} is not understood.`);
  return Number(value) * (MINUTES[unit] as number);
}
