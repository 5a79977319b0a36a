import { table } from '../cli/table.ts';
import { type BenchServer, spawnServer } from './emulator/bench-server.ts';
import { measureMessages } from './emulator/messages.ts';
import { measureStreaming, measureTransfers } from './emulator/transfers.ts';

export const summary = 'The embedded server by itself: MB/s of large objects, messages per second, memory';

/** Rates at which the emulator does not limit a federation on one machine. */
const TARGETS: Readonly<Record<string, number>> = {
  'put MB/s': 200,
  'get MB/s': 200,
  'send messages/s': 1000,
  'receive and delete messages/s': 1000,
};
const MAX_RSS_MB = 200;

/**
 * Measures the server in its own process over HTTP. The client shares the machine, so the rate per second of the server's
 * processor time is the cost of the server itself. FEDCARDIO_BENCH_GB sets the volume to stream (10 GB by default).
 *
 * @returns MB (10^6 bytes) or messages per second of wall-clock and of processor time, and the server's memory in MB
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const gigabytes = Number(process.env.FEDCARDIO_BENCH_GB ?? 10);
  const rates = await withServer(async (server) => ({
    ...(await measureTransfers(server)),
    ...(await measureMessages(server)),
  }));
  const streaming = await withServer((server) => measureStreaming(server, gigabytes));

  const rows = Object.entries(rates).map(([name, { perSecond, perCpuSecond }]) => [
    name,
    String(perSecond),
    String(perCpuSecond),
    String(TARGETS[name] ?? ''),
  ]);
  rows.push([`peak RSS MB over ${gigabytes} GB`, String(streaming.peakRssMB), '', `at most ${MAX_RSS_MB}`]);
  const head = ['', 'per second', 'per second of server CPU', 'target'];
  console.error(`${table(head, rows).join('\n')}\n`);
  return { ...rates, streaming };
}

async function withServer<T>(measure: (server: BenchServer) => Promise<T>): Promise<T> {
  const server = await spawnServer();
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}
