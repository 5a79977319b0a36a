import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { commandLineOf } from '../command-line.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne } from '../options.ts';
import type { ExperimentProfile } from './experiment-campaign.ts';

/** `fedcardio experiment`: the paper's comparison on the phantom federation. */
export const experimentCommand = (): Command =>
  new Command('experiment')
    .description('Compare UNet and Swin UNETR, at one site, federated and distilled, as in Tölle et al. (2025).')
    .addOption(
      new Option('--profile <name>', "size: small as the demo's networks, paper as published (for GPUs)")
        .choices(['small', 'paper'])
        .default('small'),
    )
    .option('--seeds <list>', 'seeds of phantoms and training, separated by commas', seedList, [1, 2, 3])
    .option('--out <dir>', 'where results are written, a folder for each profile', 'docs/results')
    .option('--data <dir>', 'where the buckets are kept', '.fedcardio/experiment')
    .option('--tasks <number>', 'GPU tasks at the same time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--fresh', 'run again the seeds that have results; by default their results are reused')
    .option('--print', 'print the campaign of the first seed without running it')
    .option('--json', 'print the claims on standard output')
    .addHelpText(
      'after',
      `
Run the same command again to resume an interrupted experiment.

Examples:
  npx fedcardio experiment
  npx fedcardio experiment --seeds 4,5 --out results
  npx fedcardio experiment --profile paper --print > campaign.json    to upload to a federation with GPUs`,
    )
    .action(experiment);

interface ExperimentFlags {
  readonly profile: ExperimentProfile;
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
  const seeds = flags.seeds.join(',');
  try {
    await runExperiment({
      ...flags,
      fresh: flags.fresh === true,
      json: flags.json === true,
      resumeWith: commandLineOf(command),
      command: `npm run experiment -- --profile ${flags.profile} --seeds ${seeds}`,
      signal,
    });
  } finally {
    release();
  }
}

async function printCampaign({ profile, seeds: [seed = 1] }: ExperimentFlags): Promise<void> {
  const [{ experimentCampaign }, { scenarioOf }] = await Promise.all([
    import('./experiment-campaign.ts'),
    import('../demo/scenario.ts'),
  ]);
  console.log(JSON.stringify(experimentCampaign(scenarioOf({ profile: 'experiment', seed }), profile), null, 2));
}

function seedList(text: string): readonly number[] {
  const seeds = text.split(',');
  if (seeds.every((seed) => /^\d{1,9}$/.test(seed))) return [...new Set(seeds.map(Number))];
  throw new InvalidArgumentError('Expected integers separated by commas, such as 1,2,3.');
}
