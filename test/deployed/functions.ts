import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, type FunctionProcess, type Line, startRuntime } from '../helpers/deployed-function.ts';
import type { DeployedFunction, Placed } from './deployment.ts';
import type { Identities } from './identities.ts';
import { nameOf } from './resources.ts';

/** An invocation that failed. */
interface Failure {
  readonly function: string;
  readonly error: string;
}

/** The functions of the templates, each in one process that starts with its first event. */
export interface Functions {
  /** Invokes and waits for the answer, as Lambda's pollers do. One event of a function at a time. */
  invoke(name: string, event: unknown): Promise<Answer>;
  /** Invokes like a schedule or a rule: a failure is retried as often as the function's template says. */
  invokeLater(name: string, event: unknown): void;
  readonly failures: readonly Failure[];
  /** Output of all functions. */
  lines(): readonly (Line & { readonly function: string })[];
  /** Number of invocations so far, by function. */
  readonly invocations: ReadonlyMap<string, number>;
  /** Number of invocations that run or wait. */
  pending(): number;
  stop(): Promise<void>;
}

export interface FunctionOptions {
  readonly identities: Identities;
  /** The only variables that AWS would not set. */
  readonly endpoint: Readonly<Record<string, string>>;
  /** Host and port of the X-Ray daemon. */
  readonly tracesTo: string;
}

/** From a failed asynchronous invocation to its retry. On AWS it is a minute or two. */
const RETRY_AFTER_MS = 1000;

export function createFunctions(declared: readonly DeployedFunction[], options: FunctionOptions): Functions {
  const byName = new Map(declared.map((one) => [one.name, one]));
  const processes = new Map<string, Promise<FunctionProcess>>();
  const started: { readonly name: string; readonly process: FunctionProcess }[] = [];
  const last = new Map<string, Promise<unknown>>();
  const invocations = new Map<string, number>();
  const failures: Failure[] = [];
  let pending = 0;

  async function start(fn: DeployedFunction): Promise<FunctionProcess> {
    const [file, name] = fn.handler.split('.') as [string, string];
    const process = await startRuntime([join(fn.folder, `${file}.mjs`), name], environmentOf(fn, options));
    started.push({ name: fn.name, process });
    return process;
  }

  async function invokeNow(fn: DeployedFunction, event: unknown): Promise<Answer> {
    invocations.set(fn.name, (invocations.get(fn.name) ?? 0) + 1);
    const starting = processes.get(fn.name) ?? start(fn);
    processes.set(fn.name, starting);
    const process = await starting;
    const timer = setTimeout(() => void process.stop('SIGKILL'), fn.timeoutSeconds * 1000);
    const answer = await process.invoke(event);
    clearTimeout(timer);
    return answer;
  }

  async function invoke(name: string, event: unknown): Promise<Answer> {
    const fn = byName.get(name);
    if (!fn) throw new Error(`The templates have no function ${name}.`);
    pending += 1;
    const turn = (last.get(name) ?? Promise.resolve())
      .then(() => invokeNow(fn, event))
      .catch((error: Error): Answer => ({ error: error.message }));
    last.set(name, turn);
    const answer = await turn;
    pending -= 1;
    if (answer.error !== undefined) {
      failures.push({ function: name, error: answer.error });
      // Lambda ends the environment of an invocation that crashed. Another starts with the next event.
      if (answer.error.startsWith("The function's process")) processes.delete(name);
    }
    return answer;
  }

  async function invokeWithRetries(name: string, event: unknown): Promise<void> {
    const retries = byName.get(name)?.retries ?? 0;
    for (let attempt = 0; (await invoke(name, event)).error !== undefined && attempt < retries; attempt++) {
      await sleep(RETRY_AFTER_MS);
    }
  }

  return {
    invoke,
    invokeLater: (name, event) => void invokeWithRetries(name, event),
    failures,
    lines: () => started.flatMap(({ name, process }) => process.lines.map((line) => ({ ...line, function: name }))),
    invocations,
    pending: () => pending,
    stop: async () => {
      await Promise.all(last.values());
      await Promise.all(started.map(({ process }) => process.stop()));
    },
  };
}

/**
 * The environment of a function: what its template says, and what Lambda sets (developer guide, "Defined runtime
 * environment variables").
 */
function environmentOf(fn: DeployedFunction, { identities, endpoint, tracesTo }: FunctionOptions): NodeJS.ProcessEnv {
  return {
    ...fn.environment,
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    _HANDLER: fn.handler,
    _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_REGION: fn.region,
    AWS_DEFAULT_REGION: fn.region,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0123456789abcdef',
    AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
    AWS_XRAY_DAEMON_ADDRESS: tracesTo,
    LAMBDA_TASK_ROOT: fn.folder,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    ...identities.credentialsOf(fn.role),
    ...endpoint,
  };
}

/** The function that an ARN names; undefined for another service's ARN. */
export const functionNameOf = (arn: string): string | undefined =>
  arn.split(':')[2] === 'lambda' ? nameOf(arn) : undefined;

/** Whether the two are in the same account and region. */
export const isSamePlace = (one: Pick<Placed, 'account' | 'region'>, other: Pick<Placed, 'account' | 'region'>) =>
  one.account === other.account && one.region === other.region;
