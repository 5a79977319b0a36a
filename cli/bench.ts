import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { ROOT } from '../lib/program.ts';
import { printJson } from './print-json.ts';

/** Only a clone has benchmarks. */
const FOLDER = join(ROOT, 'bench');

/** Exports of every file in `bench/`. `fedcardio bench NAME` runs `bench/NAME.ts`. */
interface Benchmark {
  /** Line in the list of benchmarks. */
  readonly summary: string;
  /** Measures, prints a table to standard error and returns the figures. */
  run(): Promise<Readonly<Record<string, unknown>>>;
}

/** `fedcardio bench [name]`: runs a benchmark, or lists all. */
export const benchCommand = (): Command =>
  new Command('bench')
    .argument('[name]', 'file name in bench/, without .ts')
    .option('--json', 'print the list as JSON (figures are always JSON)')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio bench
  npx fedcardio bench NAME | tail -n 1 > figures.json`,
    )
    .action(bench);

async function bench(name: string | undefined, options: { readonly json?: boolean }, command: Command): Promise<void> {
  const available = benchmarkNames();
  if (name === undefined) {
    const benchmarks = await listing(available);
    if (options.json) return printJson('benchmarks', { benchmarks });
    return console.log(benchmarks.map(({ name, summary }) => `${name.padEnd(20)} ${summary}`).join('\n'));
  }
  if (!available.includes(name)) {
    const known = available.length > 0 ? `Known: ${available.join(', ')}.` : 'The folder bench/ is empty.';
    command.error(`error: unknown benchmark "${name}". ${known}`);
  }
  // The table goes to standard error, so scripts can read the figures without an option.
  console.log(
    JSON.stringify({ schema: 'fedcardio.benchmark/1', benchmark: name, ...(await (await load(name)).run()) }),
  );
}

async function listing(
  names: readonly string[],
): Promise<readonly { readonly name: string; readonly summary: string }[]> {
  return Promise.all(names.map(async (name) => ({ name, summary: (await load(name)).summary })));
}

/** They run from their sources. */
async function load(name: string): Promise<Benchmark> {
  await import(pathToFileURL(join(ROOT, 'scripts', 'sources.mjs')).href);
  return import(pathToFileURL(join(FOLDER, `${name}.ts`)).href);
}

function benchmarkNames(): readonly string[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((file) => /^[\w-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort();
}
