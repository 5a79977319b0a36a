import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FunctionName } from '../../lib/federation/functions.ts';

const RUNTIME = fileURLToPath(new URL('../fixtures/functions/runtime.mjs', import.meta.url));

/** One line of a function's output: a log entry, or metrics in CloudWatch's embedded format. */
export type Line = Readonly<Record<string, unknown>>;

/** The answer to an invocation, as the function's caller sees it. */
export interface Answer {
  readonly result?: unknown;
  readonly error?: string;
}

/** A function in its own process. */
export type FunctionProcess = Awaited<ReturnType<typeof startRuntime>>;

/**
 * Runs a function as `npm run build` bundles it, in its own process, with only the environment of its stack.
 *
 * @param folder directory of the bundles
 */
export const startFunction = (folder: string, name: FunctionName, env: Readonly<Record<string, string>>) =>
  startRuntime([join(folder, 'handlers', name, 'index.mjs')], {
    PATH: process.env.PATH,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    ...env,
  });

/**
 * Starts the runtime with a module, and the name of its export if that is not `handler`.
 *
 * @param env the whole environment
 * @throws Error if the module cannot be loaded
 */
export async function startRuntime(module: readonly [file: string, name?: string], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [RUNTIME, ...(module as readonly string[])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lines: Line[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream as NonNullable<typeof stream>).on('line', (line) => lines.push(parse(line)));
  }
  const ended = once(child, 'exit').then(([code, signal]) => {
    const last = lines.slice(-10).map((line) => line.text ?? JSON.stringify(line));
    return { error: [`The function's process ended with ${signal ?? code}.`, ...last].join('\n') };
  });
  const reply = async () => Promise.race([once(child, 'message').then(([answer]) => answer as Answer), ended]);
  const { error } = await reply();
  if (error !== undefined) throw new Error(error);
  return {
    /** Output of all invocations so far. */
    lines,
    log: () => lines.filter((line) => 'level' in line),
    /** Sums by metric. */
    metrics: () => sumsOf(lines.filter((line) => '_aws' in line)),
    async invoke(event: unknown): Promise<Answer> {
      child.send(event as object);
      return reply();
    },
    async stop(signal?: NodeJS.Signals): Promise<void> {
      if (signal) child.kill(signal);
      else if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function parse(line: string): Line {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return { text: line };
  }
}

interface Embedded {
  readonly CloudWatchMetrics: readonly { readonly Metrics: readonly { readonly Name: string }[] }[];
}

function sumsOf(lines: readonly Line[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const line of lines) {
    for (const { Metrics } of (line._aws as Embedded).CloudWatchMetrics) {
      for (const { Name } of Metrics) {
        sums[Name] = [line[Name]].flat().reduce<number>((sum, value) => sum + Number(value), sums[Name] ?? 0);
      }
    }
  }
  return sums;
}
