import { table } from '../cli/table.ts';
import { type BenchServer, spawnServer } from './emulator/bench-server.ts';
import { measureMessages } from './emulator/messages.ts';
import { measureStart, type StartFigures } from './emulator/start.ts';
import { measureStreaming, measureTransfers } from './emulator/transfers.ts';

export const summary = 'The embedded server by itself: MB/s of large objects, messages per second, memory, start';

/** Rates at which the emulator does not limit a federation on one machine. */
const TARGETS: Readonly<Record<string, number>> = {
  'put MB/s': 250,
  'get MB/s': 500,
  'send messages/s': 1500,
  'receive and delete messages/s': 1500,
};
const MAX_RSS_MB = 200;
const MAX_START_SECONDS = 5;
/** Of 5 GB at 100 kB each, and of about 500 MB of journal. */
const OBJECTS_AT_START = [50_000, 1_000_000] as const;

/**
 * Measures the server in its own process over HTTP. The client shares the machine, so the rate per second of the server's
 * processor time is the cost of the server itself. FEDCARDIO_BENCH_GB sets the volume to stream (10 GB by default),
 * FEDCARDIO_BENCH_OBJECTS="50000" the objects of a server that starts.
 *
 * @returns MB (10^6 bytes) or messages per second of wall-clock and of processor time, the server's memory in MB, and its starts
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const gigabytes = Number(process.env.FEDCARDIO_BENCH_GB ?? 10);
  const rates = await withServer(async (server) => ({
    ...(await measureTransfers(server)),
    ...(await measureMessages(server)),
  }));
  const streaming = await withServer((server) => measureStreaming(server, gigabytes));
  const starts: StartFigures[] = [];
  const counts = process.env.FEDCARDIO_BENCH_OBJECTS?.split(',').map(Number) ?? OBJECTS_AT_START;
  for (const objects of counts) starts.push(await measureStart(objects));

  const rows = Object.entries(rates).map(([name, { perSecond, perCpuSecond }]) => [
    name,
    String(perSecond),
    String(perCpuSecond),
    String(TARGETS[name] ?? ''),
  ]);
  rows.push([`peak RSS MB over ${gigabytes} GB`, String(streaming.peakRssMB), '', `at most ${MAX_RSS_MB}`]);
  for (const { objects, journalMB, seconds } of starts) {
    rows.push([
      `start s, ${objects} objects, ${journalMB} MB of journal`,
      String(seconds),
      '',
      `at most ${MAX_START_SECONDS}`,
    ]);
  }
  const head = ['', 'per second', 'per second of server CPU', 'target'];
  console.error(`${table(head, rows).join('\n')}\n`);
  return { ...rates, streaming, starts };
}

async function withServer<T>(measure: (server: BenchServer) => Promise<T>): Promise<T> {
  const server = await spawnServer();
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}
