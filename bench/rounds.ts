import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import { runInProcess } from './processes/run-in-process.ts';
import type { CampaignFigures } from './rounds/campaign-process.ts';

export const summary = 'Campaigns of 8 to 1,000 simulated sites: requests, time and memory of a round';

/** Sites and rounds of each campaign. More rounds improve the measurement of the time between rounds. */
const CAMPAIGNS = [
  { sites: 8, rounds: 30 },
  { sites: 64, rounds: 5 },
  { sites: 512, rounds: 5 },
  { sites: 1000, rounds: 5 },
] as const;

const CHILD = fileURLToPath(new URL('rounds/campaign-process.ts', import.meta.url));

/**
 * Runs campaigns without training, each in its own process: embedded server, queues, handlers, and sites that answer with
 * 100 kB of weights. FEDCARDIO_BENCH_SITES="8,64" selects sizes, FEDCARDIO_BENCH_ROUNDS=100 sets the rounds of all.
 *
 * @returns figures by number of sites; `secondsPerRoundAndSite` should not grow with it
 */
export async function run(): Promise<Readonly<Record<string, CampaignFigures>>> {
  const wanted = process.env.FEDCARDIO_BENCH_SITES?.split(',').map(Number);
  const figures: Record<string, CampaignFigures> = {};
  for (const { sites, rounds: usual } of CAMPAIGNS) {
    if (wanted && !wanted.includes(sites)) continue;
    const rounds = Number(process.env.FEDCARDIO_BENCH_ROUNDS ?? usual);
    console.error(`${sites} sites, ${rounds} rounds …`);
    figures[`sites${sites}`] = await runInProcess(CHILD, { sites, rounds });
  }
  const rows = Object.values(figures).map((row) => [
    String(row.sites),
    String(row.rounds),
    `${row.requestsPerSiteAndRound.objects} + ${row.requestsPerSiteAndRound.queues}`,
    String(row.secondsPerRound),
    String(row.millisecondsPerRoundAndSite),
    `${row.nextTaskMs.p50} / ${row.nextTaskMs.p90}`,
    String(row.peakRssMB),
  ]);
  const head = [
    'sites',
    'rounds',
    'requests S3 + SQS',
    's/round',
    'ms/round/site',
    'next GPU task ms p50/p90',
    'RSS MB',
  ];
  console.error(`${table(head, rows).join('\n')}\n`);
  return figures;
}
