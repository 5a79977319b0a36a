/**
 * `npm run fuzz -- TARGET [--seed N] [--runs N] [--replay FILE|NUMBER] [--out FOLDER] [--json]`: tries inputs against a
 * reader or a server of fedcardio, and keeps what breaks it.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { sha256Hex } from '../../lib/json.ts';
import { corpusOf, readCorpus } from './corpus.ts';
import { type Finding, fuzz, type Target, tryInput, tryNumber } from './engine.ts';
import { TARGETS } from './targets.ts';

interface Options {
  readonly seed: number;
  readonly runs: number;
  readonly replay?: string;
  readonly out: string;
  readonly json: boolean;
}

const integer = (text: string): number => {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
};
const PROGRESS_MS = 5000;

await new Command('fuzz')
  .description('Try seeded, hostile inputs against a reader or a server. Exits with 1 if one breaks something.')
  .addArgument(new Command().createArgument('<target>', 'what to try').choices(Object.keys(TARGETS)))
  .option('--seed <n>', 'number of the first input; input n is the same in every run', integer, 1)
  .option('--runs <n>', 'number of inputs', integer, 10_000)
  .option('--replay <file|n>', 'try one input again: a file, or the number of an input')
  .option('--out <folder>', 'where to write inputs that break something', 'fuzz-findings')
  .addOption(new Option('--json', 'one JSON object on the standard output').default(false))
  .action(run)
  .parseAsync();

async function run(name: string, options: Options): Promise<void> {
  const target = await (TARGETS[name] as (typeof TARGETS)[string])();
  const started = Date.now();
  try {
    const { tried, findings } =
      options.replay === undefined ? await tryAll(name, target, options) : await replay(target, options.replay);
    const kept = findings.map((finding) => keep(name, finding, options.out));
    const seconds = Math.round((Date.now() - started) / 100) / 10;
    if (options.json) console.log(JSON.stringify({ target: name, seed: options.seed, tried, seconds, findings: kept }));
    else report(name, tried, seconds, kept);
    process.exitCode = findings.length > 0 ? 1 : 0;
  } finally {
    await target.close?.();
  }
}

interface Tried {
  readonly tried: number;
  readonly findings: readonly Finding[];
}

/** The corpus, then new inputs. */
async function tryAll(name: string, target: Target, { seed, runs, json }: Options): Promise<Tried> {
  const corpus = readCorpus(name);
  const known = await inOrder(corpus, ([, input]) => tryInput(target, input));
  let shown = Date.now();
  const onRun = (done: number) => {
    if (json || Date.now() - shown < PROGRESS_MS) return;
    shown = Date.now();
    console.error(`${name}: ${done} of ${runs} inputs`);
  };
  return { tried: corpus.length + runs, findings: [...known, ...(await fuzz(target, { seed, runs, onRun }))] };
}

async function replay(target: Target, what: string): Promise<Tried> {
  if (!existsSync(what) && !/^-?\d{1,15}$/.test(what)) throw new Error(`There is no file ${what}.`);
  const finding = existsSync(what) ? tryInput(target, readFileSync(what)) : tryNumber(target, Number(what));
  return { tried: 1, findings: [await finding].filter((one) => one !== undefined) };
}

async function inOrder<T>(items: readonly T[], work: (item: T) => Promise<Finding | undefined>) {
  const findings: Finding[] = [];
  for (const item of items) findings.push(...[await work(item)].filter((one) => one !== undefined));
  return findings;
}

interface Kept {
  readonly number?: number;
  readonly file: string;
  readonly reason: string;
}

/** Writes an input that breaks something. */
function keep(name: string, { input, number, reason }: Finding, out: string): Kept {
  mkdirSync(join(out, name), { recursive: true });
  const file = join(out, name, `${sha256Hex(input).slice(0, 12)}.input`);
  writeFileSync(file, input);
  return { ...(number === undefined ? {} : { number }), file, reason };
}

function report(name: string, tried: number, seconds: number, findings: readonly Kept[]): void {
  console.log(`${name}: ${tried} inputs in ${seconds} s, ${findings.length} findings.`);
  for (const { number, file, reason } of findings) {
    const again = number === undefined ? file : `${number}`;
    console.log(`\n${reason}
  Input:        ${file}
  Try it again: npm run fuzz -- ${name} --replay ${again}
  Once it is fixed, keep it: cp ${file} ${relative('.', corpusOf(name))}/NAME.input`);
  }
}
