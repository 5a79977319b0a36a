import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NODE_WITH_TSX } from '../../cli/tsx.ts';

/**
 * Runs a TypeScript file in its own process, to measure its memory or to set what is read when a process starts.
 *
 * @param argument passed as JSON
 * @param env variables added to those of this process
 * @returns the last line of its output, parsed as JSON
 */
export const runInProcess = <T>(file: string, argument: unknown, env: NodeJS.ProcessEnv = {}): Promise<T> =>
  figuresOf(process.execPath, [...NODE_WITH_TSX, file, JSON.stringify(argument)], env);

/** The last line of a command's output, parsed as JSON. */
export async function figuresOf<T>(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<T> {
  const options = { maxBuffer: 2 ** 26, env: { ...process.env, ...env } };
  const { stdout } = await promisify(execFile)(command, args, options);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
}
