import { Command } from 'commander';
import { placed } from '../campaign.ts';
import { onInterrupt } from '../interrupt.ts';
import { port } from '../options.ts';
import type { PageFlags } from './options.ts';

/** `fedcardio page`: the page of a federation or of a hospital, until Ctrl-C. */
export const pageCommand = (): Command =>
  placed(new Command('page'))
    .option('--site <id>', 'the page of this hospital, which shows its own bucket and nothing of other sites')
    .option('--data <dir>', 'with --site: directory of `site run`, or of the pseudonyms of imports', '.fedcardio/site')
    .option('--port <number>', 'port on 127.0.0.1; 0 for any free one', port, 0)
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio page --endpoint http://127.0.0.1:4566
  npx fedcardio page --federation federation.json
  npx fedcardio page --site berlin --federation heart

Reads the buckets with your own credentials, from this machine alone. Nothing runs in the cloud. The address that it prints
opens the page in one browser, once; each use prints the next. \`up\` serves the page of its federation, too.`,
    )
    .action(page);

async function page(flags: PageFlags): Promise<void> {
  // Loaded on demand, so that --help does not load clients and servers.
  const { runPage } = await import('./run.ts');
  const { signal, release } = onInterrupt();
  try {
    await runPage(flags, signal);
  } finally {
    release();
  }
}
