import { significant } from '../figures/numbers.ts';
import { startServer } from '../processes/local-server.ts';

interface Health {
  /** Processor time of all threads of the server, seconds. */
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

/** Work per second of wall-clock time, and per second of the server's processor time. */
export interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

export interface BenchServer {
  readonly endpoint: string;
  health(): Promise<Health>;
  /** Measures the rate of some work. */
  rate(amount: number, work: () => Promise<unknown>): Promise<Rate>;
  stop(): Promise<void>;
}

/** Starts a server for the benchmark. */
export async function spawnServer(): Promise<BenchServer> {
  const { endpoint, stop } = await startServer();
  const health = async () => (await (await fetch(`${endpoint}/_fedcardio/health`)).json()) as Health;
  return {
    endpoint,
    health,
    async rate(amount, work) {
      const [start, before] = [performance.now(), await health()];
      await work();
      const [end, after] = [performance.now(), await health()];
      return {
        perSecond: significant((1000 * amount) / (end - start)),
        perCpuSecond: significant(amount / (after.cpuSeconds - before.cpuSeconds)),
      };
    },
    stop,
  };
}
