import { fileURLToPath } from 'node:url';
import { table } from '../cli/table.ts';
import { significant } from './figures/numbers.ts';
import { runInProcess } from './processes/run-in-process.ts';
import type { Sample, SoakOptions } from './soak/soak-process.ts';

export const summary = 'Many rounds in one process: memory, handles, open files and disk';

const CHILD = fileURLToPath(new URL('soak/soak-process.ts', import.meta.url));

/** What must not grow with the rounds. */
const FLAT = ['rssMB', 'heapMB', 'buffersMB', 'descriptors', 'handles', 'overheadMB'] as const;

/**
 * Runs campaigns of simulated sites in one process: embedded server, queues, handlers, sweep each second. FEDCARDIO_BENCH_ROUNDS
 * (200), FEDCARDIO_BENCH_CAMPAIGNS (1) and FEDCARDIO_BENCH_SITES (8) set their size, FEDCARDIO_BENCH_EVERY (20) the rounds between two
 * samples. FEDCARDIO_BENCH_APART=1 runs the server, which keeps the names of all objects in memory, in a process of its own.
 *
 * @returns the samples, and what the second half has added for each 100 rounds
 */
export async function run(): Promise<Readonly<Record<string, unknown>>> {
  const setting = (name: string, usual: number) => Number(process.env[`FEDCARDIO_BENCH_${name}`] ?? usual);
  const options: SoakOptions = {
    sites: setting('SITES', 8),
    rounds: setting('ROUNDS', 200),
    campaigns: setting('CAMPAIGNS', 1),
    every: setting('EVERY', 20),
    isServerApart: setting('APART', 0) === 1,
  };
  const samples = (await runInProcess<readonly Sample[]>(CHILD, options)).map((sample) => ({
    ...sample,
    // The journals, and what is replaced or deleted but not yet gone.
    overheadMB: significant(sample.diskMB - sample.keptMB),
  }));
  const head = ['rounds', 'RSS MB', 'heap MB', 'buffers MB', 'open files', 'handles', 'disk MB', 'kept for good MB'];
  const rows = samples.map((one) =>
    [one.rounds, one.rssMB, one.heapMB, one.buffersMB, one.descriptors, one.handles, one.diskMB, one.keptMB].map(
      String,
    ),
  );
  const [middle, last] = [samples[Math.floor(samples.length / 2)], samples.at(-1)];
  const per100Rounds =
    middle && last && last.rounds > middle.rounds
      ? Object.fromEntries(
          FLAT.map((name) => [name, significant((100 * (last[name] - middle[name])) / (last.rounds - middle.rounds))]),
        )
      : {};
  console.error(
    `${table(head, rows).join('\n')}\n\nThe second half added for each 100 rounds: ${JSON.stringify(per100Rounds)}\n`,
  );
  return { ...options, per100Rounds, samples };
}
