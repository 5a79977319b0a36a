import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { onInterrupt } from '../../interrupt.ts';
import { DEFAULT_PORT } from '../../local.ts';
import { atLeastOne, port, url, wholeNumber } from '../../options.ts';
import type { SiteRunFlags } from './options.ts';

/** `fedcardio site run <site>`: an on-premises site on the hospital's own machine, until Ctrl-C or SIGTERM. */
export const runCommand = (): Command =>
  new Command('run')
    .argument('<site>', 'id of the site, whose place in federation.json is "on-premises"')
    .description("Run an on-premises site on the hospital's own machine until Ctrl-C: bucket, intake and GPU tasks.")
    .option('--federation <file>', 'federation.json', 'federation.json')
    .option('--data <dir>', 'directory of bucket, log and sent.jsonl; an earlier state is resumed', '.fedcardio/site')
    .option('--endpoint <url>', 'endpoint of the federation (default: AWS, as your environment configures it)', url)
    .option('--storage <url>', 'S3 server of the hospital that holds the bucket (default: a server in --data)', url)
    .option('--port <number>', `port on 127.0.0.1 for uploads; 0 for any free one (default: ${DEFAULT_PORT})`, port)
    .option('--inbox <dir>', 'folder whose DICOM studies and case folders are imported')
    .option(
      '--quiet <seconds>',
      'seconds without a change after which a folder of the inbox is complete',
      wholeNumber,
      60,
    )
    .option('--tasks <number>', 'GPU tasks at a time', atLeastOne, Math.min(2, availableParallelism()))
    .option('--json', 'print endpoint, bucket and directory as JSON')
    .addHelpText(
      'after',
      `
No port is opened to the network. The machine connects to the federation by outgoing HTTPS alone, and may be
switched off at any time. sent.jsonl in --data lists every object that was sent (docs/on-premises.md).

With --storage, FEDCARDIO_SITE_ACCESS_KEY_ID and FEDCARDIO_SITE_SECRET_ACCESS_KEY are its credentials.
Those of the federation come from the AWS environment: AWS_PROFILE, or another way of the AWS SDK.

Examples:
  npx fedcardio site run kiel --data /srv/fedcardio --inbox /srv/inbox
  npx fedcardio site run kiel --storage https://minio.hospital.example:9000 --tasks 1
  npx fedcardio site run kiel --endpoint http://127.0.0.1:4566 --port 0 --json     with a federation of \`up\``,
    )
    .action(run);

async function run(site: string, flags: SiteRunFlags): Promise<void> {
  // Loaded on demand, so that --help does not load clients and servers.
  const { runSite } = await import('./run.ts');
  const { signal, release } = onInterrupt();
  try {
    await runSite(site, flags, signal);
  } finally {
    release();
  }
}
