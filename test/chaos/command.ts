/**
 * `npm run chaos -- [--seeds N] [--from N] [--seed K] [--print] [--json]`: runs whole campaigns while a seeded adversary kills,
 * stops, cuts, fills, skews, upgrades and poisons, and checks that each ends as without it.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { describePlan, planOf } from './plan.ts';
import { type ChaosResult, openBench } from './run.ts';

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly print: boolean;
  readonly json: boolean;
}

const integer = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
};

await new Command('chaos')
  .description('Run whole campaigns under a seeded adversary. Exits with 1 if one does not end as it must.')
  .option('--seeds <n>', 'number of campaigns', integer, 5)
  .option('--from <k>', 'seed of the first campaign; the next has the next seed', integer, 1)
  .option('--seed <k>', 'repeat one campaign', integer)
  .addOption(new Option('--print', 'only print what the adversary will do').default(false))
  .addOption(new Option('--json', 'one JSON object on the standard output').default(false))
  .action(run)
  .parseAsync();

async function run({ seeds, from, seed, print, json }: Options): Promise<void> {
  const chosen = seed === undefined ? Array.from({ length: seeds }, (_, index) => from + index) : [seed];
  if (print) {
    const plans = chosen.map(planOf);
    console.log(json ? JSON.stringify(plans) : plans.map(describePlan).join('\n\n'));
    return;
  }
  const started = Date.now();
  const say = (line: string) => console.error(line);
  const bench = await openBench(say);
  const results: ChaosResult[] = [];
  try {
    for (const one of chosen) {
      say(`seed ${one}`);
      const result = await bench.run(one, say);
      results.push(result);
      say(summaryOf(result));
      if (result.violations.length > 0) say(failureText(result));
    }
  } finally {
    bench.close();
  }
  const failed = results.filter(({ violations }) => violations.length > 0);
  const seconds = Math.round((Date.now() - started) / 1000);
  if (json) console.log(JSON.stringify({ seconds, failed: failed.length, results }));
  else console.log(`${results.length} campaigns in ${seconds} s, ${failed.length} failed.`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function summaryOf({ seed, seconds, status, reason, acts, deadLetters, violations }: ChaosResult): string {
  const end = reason === undefined ? status : `${status} (${reason})`;
  const found = violations.length === 0 ? 'as it must' : `${violations.length} violations`;
  return `seed ${seed}: ${end}, ${found}, ${Math.round(seconds)} s, ${acts[0]} of ${acts[1]} acts, ${deadLetters} dead letters`;
}

function failureText({ seed, violations }: ChaosResult): string {
  return `${violations.map((violation) => `- ${violation}`).join('\n')}\nRepeat it: npm run chaos -- --seed ${seed}`;
}
