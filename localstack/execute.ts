import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { endSentence, FedcardioError } from '../lib/error.ts';

/**
 * Runs a program to its end. With `show`, its output goes to standard error.
 *
 * @returns its standard output, trimmed; empty with `show`
 * @throws FedcardioError BAD_CONFIGURATION if it cannot be run or fails, with its last output
 */
export async function execute(
  program: string,
  args: readonly string[],
  { env = {}, show = false }: { readonly env?: Readonly<Record<string, string>>; readonly show?: boolean },
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: show ? ['ignore', 2, 2] : ['ignore', 'pipe', 'pipe'],
  });
  const command = [program, ...args].join(' ');
  const failed = (reason: string, cause?: unknown) =>
    new FedcardioError('BAD_CONFIGURATION', endSentence(`${command}: ${reason}`), { cause });
  try {
    const output = [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : Promise.resolve('')));
    const [[code], out = '', err = ''] = (await Promise.all([once(child, 'close'), ...output])) as [
      [number | null],
      string,
      string,
    ];
    if (code !== 0) throw failed((err.trim() || out.trim()).split('\n').slice(-5).join('\n') || `exit code ${code}`);
    return out.trim();
  } catch (error) {
    throw error instanceof FedcardioError ? error : failed((error as Error).message, error);
  }
}

/** Whether a program exists and succeeds. */
export const succeeds = (program: string, args: readonly string[]): Promise<boolean> =>
  execute(program, args, {}).then(
    () => true,
    () => false,
  );
