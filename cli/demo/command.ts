import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { commandLineOf } from '../command-line.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne, port, url, wholeNumber } from '../options.ts';

/** `fedcardio demo`: eight hospitals train one model, all on this machine. */
export const demoCommand = (): Command =>
  new Command('demo')
    .option('--quick', 'a smoke test under a minute: all steps, little training')
    .option('--seed <number>', 'seed of phantoms and training (default: 1)', wholeNumber)
    .option('--out <dir>', 'directory for report, weights and predictions', 'demo-output')
    .option('--data <dir>', 'directory of buckets and queues', '.fedcardio/demo')
    .option('--resume', 'continue an interrupted demo without repeating work')
    .option('--keep', 'keep everything running at the end, as `up` does, until Ctrl-C')
    .option('--tasks <number>', 'GPU tasks at a time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--port <number>', 'port of the server; 0 for any free one', port, 0)
    .option('--endpoint <url>', 'deploy to S3 and SQS at this endpoint, such as LocalStack', url)
    .option('--json', 'print report.json on standard output')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio demo --quick
  npx fedcardio demo --seed 2 --out results/seed-2
  npx fedcardio demo --resume       after Ctrl-C
  npx fedcardio demo --endpoint http://127.0.0.1:4566    on LocalStack (npm run localstack)
  npx fedcardio demo --json > report.json`,
    )
    .action(demo);

interface DemoFlags {
  readonly quick?: boolean;
  readonly seed?: number;
  readonly out: string;
  readonly data: string;
  readonly resume?: boolean;
  readonly keep?: boolean;
  readonly tasks: number;
  readonly port: number;
  readonly endpoint?: string;
  readonly json?: boolean;
}

async function demo(flags: DemoFlags, command: Command): Promise<void> {
  // Loaded on demand, so that --help does not load clients and servers.
  const { runDemo } = await import('./run.ts');
  const { signal, release } = onInterrupt();
  try {
    await runDemo({
      profile: flags.quick ? 'quick' : undefined,
      seed: flags.seed,
      out: flags.out,
      data: flags.data,
      resume: flags.resume === true,
      resumeWith: commandLineOf(command, ['--resume']),
      keep: flags.keep === true,
      tasks: flags.tasks,
      port: flags.port,
      endpoint: flags.endpoint,
      json: flags.json === true,
      signal,
    });
  } finally {
    release();
  }
}
