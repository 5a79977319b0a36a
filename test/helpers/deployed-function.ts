import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { FunctionName } from '../../lib/federation/functions.ts';

const RUNTIME = fileURLToPath(new URL('../fixtures/functions/runtime.mjs', import.meta.url));

/** One line of a function's output: a log entry, or metrics in CloudWatch's embedded format. */
export type Line = Readonly<Record<string, unknown>>;

/**
 * Runs a function as `npm run build` bundles it, in its own process, with only the environment of its stack.
 *
 * @param folder directory of the bundles
 */
export async function startFunction(folder: string, name: FunctionName, env: Readonly<Record<string, string>>) {
  const bundle = join(folder, 'handlers', name, 'index.mjs');
  const child = spawn(process.execPath, [RUNTIME, bundle], {
    env: {
      PATH: process.env.PATH,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_LAMBDA_FUNCTION_NAME: name,
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const lines: Line[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream as NonNullable<typeof stream>).on('line', (line) => lines.push(parse(line)));
  }
  await once(child, 'message');
  return {
    /** Output of all invocations so far. */
    lines,
    log: () => lines.filter((line) => 'level' in line),
    /** Sums by metric. */
    metrics: () => sumsOf(lines.filter((line) => '_aws' in line)),
    async invoke(event: unknown): Promise<{ readonly result?: unknown; readonly error?: string }> {
      child.send(event as object);
      const [answer] = (await once(child, 'message')) as [{ readonly result?: unknown; readonly error?: string }];
      return answer;
    },
    async stop(): Promise<void> {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
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
