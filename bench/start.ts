import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { table } from '../cli/table.ts';
import { programProcess, ROOT } from '../lib/program.ts';
import FILES from '../lib/program-files.json' with { type: 'json' };
import { median, significant } from './figures/numbers.ts';

export const summary = 'How long the command and a GPU task take to start';

const REPEATS = Number(process.env.FEDCARDIO_BENCH_REPEATS ?? 7);

interface Start {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const built = (source: keyof typeof FILES): string => join(ROOT, 'dist', 'app', `${FILES[source]}.js`);
const sources = programProcess('gpu-tasks/main.ts');

/** Without a message, a GPU task loads its tensor backend, says how it is used, and exits. */
const STARTS: readonly Start[] = [
  { name: 'node', args: ['-e', '0'] },
  { name: 'fedcardio --help', args: [join(ROOT, 'bin', 'fedcardio.mjs'), '--help'] },
  { name: 'fedcardio --help, built', args: [built('cli/main.ts'), '--help'] },
  { name: 'GPU task, native', args: [built('gpu-tasks/main.ts')], env: { FEDCARDIO_BACKEND: 'native' } },
  { name: 'GPU task, WebAssembly', args: [built('gpu-tasks/main.ts')], env: { FEDCARDIO_BACKEND: 'wasm' } },
  {
    name: 'GPU task, native, from sources',
    args: [...sources.execArgv, sources.file],
    env: { FEDCARDIO_BACKEND: 'native' },
  },
];

/**
 * Starts each process in turn, so that all meet the same load. FEDCARDIO_BENCH_REPEATS sets how often (7).
 *
 * @returns by process the median time until it has ended, in ms and in times of Node alone
 */
export async function run(): Promise<Readonly<Record<string, { readonly ms: number; readonly timesNode: number }>>> {
  const times = new Map<string, number[]>(STARTS.map(({ name }) => [name, []]));
  // The first start builds what is old, and fills the disk's cache.
  for (const start of STARTS) await timeOf(start);
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const start of STARTS) times.get(start.name)?.push(await timeOf(start));
  }
  const alone = median(times.get('node') ?? []);
  const figures = Object.fromEntries(
    [...times].map(([name, all]) => {
      const ms = median(all);
      return [name, { ms: Math.round(ms), timesNode: significant(ms / alone) }];
    }),
  );
  const rows = Object.entries(figures).map(([name, { ms, timesNode }]) => [name, String(ms), String(timesNode)]);
  console.error(`${table(['start', 'ms', '× node'], rows).join('\n')}\n`);
  return figures;
}

async function timeOf({ args, env }: Start): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...env } });
  await once(child, 'exit');
  return performance.now() - started;
}
