import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { FedcardioError } from '../../lib/error.ts';
import { NODE_WITH_TSX } from '../tsx.ts';

/**
 * One line on the tensor backend of the GPU tasks. Runs in a separate process, because the library would take 200 MB of the
 * run's process.
 */
export async function describeBackend(): Promise<string> {
  const backend = new URL('../../lib/nn/backend.ts', import.meta.url).href;
  const code = `const { loadBackend } = await import(${JSON.stringify(backend)}); console.log((await loadBackend()).description); process.exit(0);`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...NODE_WITH_TSX,
      '--input-type=module',
      '--eval',
      code,
    ]);
    return stdout.trim().split('\n').at(-1) ?? '';
  } catch (cause) {
    throw new FedcardioError('NO_BACKEND', 'No tensor backend could be loaded.', {
      cause,
      hint: 'Run `npm run setup` and read its output about the tensor addon.',
    });
  }
}
