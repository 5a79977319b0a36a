import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { commandLineOf } from '../command-line.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne } from '../options.ts';
import type { Profile } from './profiles.ts';

/** `fedcardio experiment`: the paper's comparison on the phantom federation. */
export const experimentCommand = (): Command =>
  new Command('experiment')
    .addOption(
      new Option(
        '--profile <name>',
        "small: the demo's networks; paper: as published, for GPUs; algorithms: FedAvg, FedProx, FedBN, SCAFFOLD, FedPer, Ditto",
      )
        .choices(['small', 'paper', 'algorithms'])
        .default('small'),
    )
    .addOption(
      new Option('--seeds <list>', 'seeds of phantoms and training, such as 1001-1008 or 1,2,3')
        .argParser(seedList)
        .default(seedList('1001-1008'), '1001-1008'),
    )
    .option('--out <dir>', 'where results are written, a folder for each profile', 'docs/results')
    .option('--data <dir>', 'where the buckets are kept', '.fedcardio/experiment')
    .option('--tasks <number>', 'GPU tasks at the same time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--resume', 'continue an interrupted experiment: the default, unless --fresh is given')
    .addOption(
      new Option(
        '--fresh',
        'run again the seeds that have results, which are removed first; by default they are reused',
      ).conflicts('resume'),
    )
    .option('--print', 'print the campaign of the first seed without running it')
    .option('--json', 'print the claims on standard output')
    .addHelpText(
      'after',
      `
Run the same command again to resume an interrupted experiment: seeds with results are not run again. Seeds 101
to 103 are for choosing settings, by validation cases.

Examples:
  npx fedcardio experiment
  npx fedcardio experiment --seeds 2001-2003 --out results
  npx fedcardio experiment --profile paper --print > campaign.json    to upload to a federation with GPUs`,
    )
    .action(experiment);

interface ExperimentFlags {
  readonly profile: Profile;
  readonly seeds: readonly number[];
  readonly out: string;
  readonly data: string;
  readonly tasks: number;
  readonly fresh?: boolean;
  readonly print?: boolean;
  readonly json?: boolean;
}

async function experiment(flags: ExperimentFlags, command: Command): Promise<void> {
  if (flags.print) return printCampaign(flags);
  const { runExperiment } = await import('./run-experiment.ts');
  const { signal, release } = onInterrupt();
  const seeds = seedText(flags.seeds);
  try {
    await runExperiment({
      ...flags,
      fresh: flags.fresh === true,
      json: flags.json === true,
      resumeWith: commandLineOf(command, [], ['--fresh']),
      command: `npm run experiment -- --profile ${flags.profile} --seeds ${seeds}`,
      signal,
    });
  } finally {
    release();
  }
}

async function printCampaign({ profile, seeds: [seed = 1] }: ExperimentFlags): Promise<void> {
  const [{ campaignOf }, { scenarioOf }] = await Promise.all([import('./profiles.ts'), import('../demo/scenario.ts')]);
  console.log(JSON.stringify(campaignOf(scenarioOf({ profile: 'experiment', seed }), profile), null, 2));
}

/** Seeds as in "1001-1008" or "1,2,3". */
function seedList(text: string): readonly number[] {
  const seeds = text.split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part.trim()) ?? [];
    const count = Number(last) - Number(first) + 1;
    if (!(count >= 1 && count <= 1000)) {
      throw new InvalidArgumentError('Expected whole numbers or ranges of them, such as 1001-1008 or 1,2,3.');
    }
    return Array.from({ length: count }, (_, index) => Number(first) + index);
  });
  return [...new Set(seeds)];
}

/** The shortest text that {@link seedList} reads as these seeds. */
function seedText(seeds: readonly number[]): string {
  const [first = 0] = seeds;
  const last = seeds.at(-1) ?? 0;
  const isRange = seeds.length > 2 && seeds.every((seed, index) => seed === first + index);
  return isRange ? `${first}-${last}` : seeds.join(',');
}
