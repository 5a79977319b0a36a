import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { table } from '../cli/table.ts';
import { createS3Client } from '../lib/aws/clients.ts';
import { casesOf } from './aggregate/cases.ts';
import { createMeasurement, type Figures } from './aggregate/measure.ts';
import { BUCKET } from './aggregate/models.ts';
import { measurePeers, type PeerFigures } from './aggregate/peers.ts';
import { startServer } from './processes/local-server.ts';

export const summary = 'Merges of updates of 62.1 M parameters by every strategy: time against plain download, memory';

const PARAMETERS = Number(process.env.FEDCARDIO_BENCH_PARAMETERS ?? 62_100_000);
const REPEATS = Number(process.env.FEDCARDIO_BENCH_REPEATS ?? 3);

/**
 * Merges synthetic updates on the embedded server. Server, merges and the downloads to compare with run in separate
 * processes; merges and downloads alternate. FEDCARDIO_BENCH_CASES="fedavg;fedavg, F16" selects cases,
 * FEDCARDIO_BENCH_PARAMETERS sets the number of parameters, and FEDCARDIO_BENCH_REPEATS the number of pairs.
 * FEDCARDIO_BENCH_PEERS is a Python with the packages of scripts/bench-merge.py, whose merges of arrays in memory are rows too.
 *
 * @returns figures by case
 */
export async function run(): Promise<Readonly<Record<string, Figures | PeerFigures>>> {
  const wanted = process.env.FEDCARDIO_BENCH_CASES?.split(';');
  const figures: Record<string, Figures> = {};
  const server = await startServer();
  try {
    await createS3Client(server).send(new CreateBucketCommand({ Bucket: BUCKET }));
    const measure = createMeasurement(server.endpoint);
    for (const aCase of casesOf(PARAMETERS, REPEATS)) {
      if (wanted && !wanted.includes(aCase.name)) continue;
      console.error(`${aCase.name} …`);
      figures[aCase.name] = await measure(aCase);
    }
  } finally {
    await server.stop();
  }
  const peers = await measurePeers(PARAMETERS, REPEATS);
  const rows = Object.entries(figures).map(([name, figure]) => [
    name,
    String(figure.updates),
    String(figure.updateMB),
    String(figure.ratioToDownload),
    String(figure.seconds),
    String(figure.MBps),
    String(figure.peakRssMB),
    String(figure.relativeError ?? ''),
  ]);
  for (const [name, { updates, updateMB, seconds, peakRssMB }] of Object.entries(peers)) {
    rows.push([name, String(updates), String(updateMB), '', String(seconds), '', String(peakRssMB), '']);
  }
  const head = ['merge', 'updates', 'MB each', '× download', 's', 'MB/s', 'RSS MB', 'relative error'];
  console.error(`${table(head, rows).join('\n')}\n`);
  return { ...figures, ...peers };
}
