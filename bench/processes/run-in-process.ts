import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { NODE_WITH_TSX } from '../../cli/tsx.ts';

/**
 * Runs a TypeScript file in its own process, to measure its memory.
 *
 * @param argument passed as JSON
 * @returns the last line of its output, parsed as JSON
 */
export async function runInProcess<T>(file: string, argument: unknown): Promise<T> {
  const args = [...NODE_WITH_TSX, file, JSON.stringify(argument)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
}
