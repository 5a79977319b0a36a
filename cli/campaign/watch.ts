import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import type { CampaignStatus } from '../../lib/protocol/status.ts';
import { aboutCampaign, type CampaignFlags, contextOf, type FederationPlace } from '../campaign.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne } from '../options.ts';
import { printJson } from '../print-json.ts';
import { createDisplay } from '../run/display.ts';
import { changesBetween, watchBlock } from './watch-text.ts';

interface WatchFlags extends CampaignFlags {
  readonly every: number;
}

/** `fedcardio campaign watch <campaign>`: follows a campaign until it ends. */
export const watchCommand = (): Command =>
  aboutCampaign(new Command('watch'))
    .description('Follow a campaign until it ends: every site in every round, as a live table or line by line.')
    .option('--every <seconds>', 'seconds between two looks', atLeastOne, 5)
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign watch tavi-2026 --endpoint http://127.0.0.1:4566
  npx fedcardio campaign watch tavi-2026 --federation heart --every 60 >> watch.log

A look costs one listing (one request for each 1,000 objects of the campaign) and one read of each new document.
--json prints the final status. Exits with 0 when the campaign has completed, 1 when it has failed or was cancelled.`,
    )
    .action(watch);

async function watch(campaign: string, flags: WatchFlags): Promise<void> {
  const context = await contextOf(campaign, flags);
  const { signal, release } = onInterrupt();
  try {
    const ended = await untilEnded(context, campaign, flags, signal);
    if (flags.json) printJson('campaign-status', ended);
    if (ended.phase !== 'completed') process.exitCode = 1;
  } finally {
    release();
  }
}

/** Shows a campaign until it ends. Throws the signal's reason if it is aborted. */
async function untilEnded(
  context: FederationPlace,
  campaign: string,
  { every, json }: WatchFlags,
  signal: AbortSignal,
): Promise<CampaignStatus> {
  const [{ campaignStatus }, { createListedReader }] = await Promise.all([
    import('../../lib/protocol/status.ts'),
    import('../../lib/storage/listed-reads.ts'),
  ]);
  const federationStore = createListedReader(context.federationStore);
  const display = createDisplay(json ? process.stderr : process.stdout);
  let before: CampaignStatus | undefined;
  for (;;) {
    const status = await campaignStatus({ ...context, federationStore }, campaign);
    if (!status) throw new FedcardioError('NOT_FOUND', `The objects of campaign ${campaign} were deleted.`);
    if (display.live) display.draw(watchBlock(status, context.now(), display.width));
    else for (const line of changesBetween(before, status)) display.say(`${context.now().toISOString()} ${line}`);
    if (status.endedAt !== undefined) return status;
    before = status;
    await delay(every * 1000, undefined, { signal });
  }
}
