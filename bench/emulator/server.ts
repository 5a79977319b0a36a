import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../bin/fedcardio.mjs', import.meta.url));

interface Health {
  /** Processor time that the server has used, by all its threads. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** Work done per second of wall-clock time, and per second of the server's processor time. */
export interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

export interface BenchServer {
  readonly endpoint: string;
  health(): Promise<Health>;
  /** Does some work and says at what rate. */
  rate(amount: number, work: () => Promise<unknown>): Promise<Rate>;
  stop(): Promise<void>;
}

/** `fedcardio local` in a process and a directory of its own. */
export async function spawnServer(): Promise<BenchServer> {
  const data = await mkdtemp(join(tmpdir(), 'fedcardio-bench-'));
  const args = [COMMAND, 'local', '--port', '0', '--data', data, '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { endpoint } = JSON.parse(line.toString()) as { readonly endpoint: string };
  const health = async () => (await (await fetch(`${endpoint}/_fedcardio/health`)).json()) as Health;
  return {
    endpoint,
    health,
    async rate(amount, work) {
      const [start, before] = [performance.now(), await health()];
      await work();
      const [end, after] = [performance.now(), await health()];
      return {
        perSecond: rounded((1000 * amount) / (end - start)),
        perCpuSecond: rounded(amount / (after.cpuSeconds - before.cpuSeconds)),
      };
    },
    async stop() {
      const exit = once(child, 'exit');
      child.kill('SIGINT');
      await exit;
      await rm(data, { recursive: true });
    },
  };
}

/** Three significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(3));
