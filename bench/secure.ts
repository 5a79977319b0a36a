import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { table } from '../cli/table.ts';
import { createS3Client } from '../lib/aws/clients.ts';
import { modelSchema } from '../lib/federation/schemas.ts';
import { significant } from './figures/numbers.ts';
import { startServer } from './processes/local-server.ts';
import { runInProcess } from './processes/run-in-process.ts';
import { setUpCohort } from './secure/cohort.ts';
import { type Prepared, prepareRounds } from './secure/prepare.ts';
import type { RoundFigures, RoundJob } from './secure/round-process.ts';

export const summary =
  'A masked round against a plain one: time, bytes and memory of the coordinator, and time of a site';

const PROCESS = fileURLToPath(new URL('secure/round-process.ts', import.meta.url));
const SITES = Number(process.env.FEDCARDIO_BENCH_SITES ?? 25);
const ROUNDS = Number(process.env.FEDCARDIO_BENCH_ROUNDS ?? 200);
/** Of the network: 48 has 62.1 M parameters. */
const WIDTH = Number(process.env.FEDCARDIO_BENCH_WIDTH ?? 48);
const REPEATS = Number(process.env.FEDCARDIO_BENCH_REPEATS ?? 3);
/** Sites whose update does not come in the second masked round: fewer than a third. */
const DROP_OUTS = SITES < 10 ? 1 : 2;

/**
 * Merges one round of `SITES` updates plainly, masked, and masked with two drop-outs, each in a process of its own. The embedded
 * server has the objects. FEDCARDIO_BENCH_WIDTH=12 takes a smaller network, FEDCARDIO_BENCH_SITES fewer sites.
 */
export async function run(): Promise<Readonly<Record<string, number>>> {
  const server = await startServer();
  try {
    const s3 = createS3Client(server);
    await s3.send(new CreateBucketCommand({ Bucket: 'heart-federation' })).catch(() => undefined);
    const model = modelSchema.parse({
      kind: 'swin-unetr',
      featureSize: WIDTH,
      depths: [2, 2, 2, 2],
      heads: [3, 6, 12, 24],
    });
    const cohort = await setUpCohort(server.endpoint, SITES, ROUNDS, model);
    const prepared: Prepared = await prepareRounds(cohort, DROP_OUTS);
    const figures: Record<string, RoundFigures> = {};
    for (const [name, job] of Object.entries(prepared.jobs)) {
      const runs: RoundFigures[] = [];
      for (let i = 0; i < REPEATS; i++) {
        const full: RoundJob = { endpoint: server.endpoint, bucket: cohort.federationStore.bucket, ...job };
        runs.push(await runInProcess<RoundFigures>(PROCESS, full));
      }
      figures[name] = runs.toSorted((a, b) => a.seconds - b.seconds)[Math.floor((runs.length - 1) / 2)] as RoundFigures;
    }
    const rows = Object.entries(figures).map(([name, { seconds, megabytes, peakRssMB }]) => [
      name,
      String(significant(seconds)),
      String(megabytes),
      String(peakRssMB),
    ]);
    console.error(table(['round', 's', 'MB read and written', 'RSS MB'], rows).join('\n'));
    const [plain, masked, dropped] = ['plain', 'masked', 'drop-outs'].map((name) => figures[name]) as RoundFigures[];
    return {
      parameters: prepared.parameters,
      sites: SITES,
      plainSeconds: significant(plain!.seconds),
      maskedSeconds: significant(masked!.seconds),
      dropOutSeconds: significant(dropped!.seconds),
      plainMB: plain!.megabytes,
      maskedMB: masked!.megabytes,
      plainRssMB: plain!.peakRssMB,
      maskedRssMB: masked!.peakRssMB,
      siteSeconds: significant(prepared.siteSeconds),
      updateMB: significant(prepared.updateMB),
      messageKB: significant(prepared.messageKB),
      sharesSeconds: significant(cohort.sharesSeconds),
      sharesMB: significant(cohort.sharesMB),
    };
  } finally {
    await server.stop();
  }
}
