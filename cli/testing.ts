import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The command's file. */
export const COMMAND = fileURLToPath(new URL('../bin/fedcardio.mjs', import.meta.url));

/** For tests: runs `fedcardio` as a user would. */
export function runCommand(
  args: readonly string[],
  cwd = process.cwd(),
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [COMMAND, ...args], { cwd }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}
