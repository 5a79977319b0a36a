import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/fedcardio.mjs', import.meta.url));

/**
 * Starts `fedcardio local` in its own process, with a temporary directory. Both go when this process ends, however it ends.
 *
 * @param prepare fills the directory
 */
export async function startServer(prepare: (dataDir: string) => void = () => undefined) {
  const dataDir = await mkdtemp(join(tmpdir(), 'fedcardio-bench-'));
  prepare(dataDir);
  const server = spawn(process.execPath, [COMMAND, 'local', '--port', '0', '--data', dataDir, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const abandon = () => {
    server.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
  // An unexpected error ends this process. A server that went on would keep the terminal's pipe open, and its caller waiting.
  process.once('exit', abandon);
  const [line] = await once(createInterface(server.stdout), 'line');
  return {
    dataDir,
    endpoint: JSON.parse(line).endpoint as string,
    stop: async () => {
      const exit = once(server, 'exit');
      server.kill('SIGINT');
      await exit;
      process.off('exit', abandon);
      await rm(dataDir, { recursive: true });
    },
  };
}
