import { Command } from 'commander';
import { printable } from '../../lib/printable.ts';
import { type CampaignFlags, campaignContext, placed, placeOptions } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { commandLine } from '../shell-words.ts';
import { table } from '../table.ts';
import type { ListedCampaign } from './listed.ts';
import { instant } from './times.ts';

/** `fedcardio campaign list`: all campaigns of a federation. */
export const listCommand = (): Command =>
  placed(new Command('list'))
    .description('List all campaigns of a federation with their state, stage, round and times.')
    .addHelpText(
      'after',
      `
Examples:
  npx fedcardio campaign list --endpoint http://127.0.0.1:4566
  npx fedcardio campaign list --federation heart --json

Costs one listing and three reads for each campaign.`,
    )
    .action(list);

async function list(flags: CampaignFlags): Promise<void> {
  const { listCampaigns } = await import('./listed.ts');
  const context = await campaignContext(flags);
  const campaigns = await listCampaigns(context);
  if (flags.json) printJson('campaign-list', { federation: context.federation.id, campaigns });
  else console.log(listText(context.federation.id, campaigns, flags));
}

/** The campaigns as a table, the newest last. */
function listText(federation: string, campaigns: readonly ListedCampaign[], flags: CampaignFlags): string {
  if (campaigns.length === 0) {
    const start = commandLine(['npx', 'fedcardio', 'campaign', 'start', 'campaign.json', ...placeOptions(flags)]);
    return `Federation ${federation} has no campaigns. Start one: ${start}`;
  }
  const byTime = [...campaigns].sort((a, b) => ((a.uploadedAt ?? '') < (b.uploadedAt ?? '') ? -1 : 1));
  const rows = byTime.map(({ campaign, phase, reason, running, uploadedAt, endedAt }) => [
    printable(campaign),
    phase,
    running.map(({ stage, round, rounds }) => `${stage} ${round}/${rounds}`).join(', '),
    instant(uploadedAt),
    instant(endedAt),
    printable(reason ?? ''),
  ]);
  return table(['campaign', 'state', 'stage and round', 'uploaded (UTC)', 'ended (UTC)', 'reason'], rows).join('\n');
}
