import { significant } from '../figures/numbers.ts';
import { startServer } from '../processes/local-server.ts';

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

/** A server of its own for the bench. */
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
