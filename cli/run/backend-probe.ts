import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FedcardioError } from '../../lib/error.ts';
import { programProcess } from '../../lib/program.ts';

/**
 * One line on the tensor backend of the GPU tasks. Runs in a separate process, because the library would take 200 MB of the
 * run's process.
 */
export async function describeBackend(): Promise<string> {
  const { file, execArgv } = programProcess('cli/run/backend-process.ts');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...execArgv, file]);
    return stdout.trim().split('\n').at(-1) ?? '';
  } catch (cause) {
    throw new FedcardioError('NO_BACKEND', 'No tensor backend could be loaded.', {
      cause,
      hint: 'Run `npm run setup` and read its output about the tensor addon.',
    });
  }
}
