import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { onInterrupt } from '../interrupt.ts';
import { DEFAULT_PORT } from '../local.ts';
import { atLeastOne, port } from '../options.ts';
import type { UpFlags } from './options.ts';

/** `fedcardio up`: a federation on this machine, until Ctrl-C. */
export const upCommand = (): Command =>
  new Command('up')
    .option('--federation <file>', 'federation.json (default: the one in this folder, or two sites, bonn and jena)')
    .option('--data <dir>', 'directory of buckets and queues; an earlier state is resumed', '.fedcardio/up')
    .option('--port <number>', 'port on 127.0.0.1; 0 for any free one', port, DEFAULT_PORT)
    .option('--tasks <number>', 'GPU tasks at a time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--json', 'print endpoint, buckets and directory as JSON')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio up
  npx fedcardio up --federation heart.json --data /srv/heart --tasks 1
  npx fedcardio up --port 0 --json      any free port; the first line says which`,
    )
    .action(up);

async function up(flags: UpFlags): Promise<void> {
  // Loaded on demand, so that --help does not load clients and servers.
  const { runUp } = await import('./run.ts');
  const { signal, release } = onInterrupt();
  try {
    await runUp(flags, signal);
  } finally {
    release();
  }
}
