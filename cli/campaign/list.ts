import { Command } from 'commander';
import { mapConcurrently } from '../../lib/async.ts';
import { describeError, isFedcardioError } from '../../lib/error.ts';
import { printable } from '../../lib/printable.ts';
import type { CampaignOverview } from '../../lib/protocol/status.ts';
import { type CampaignFlags, campaignContext, campaignIds, placed } from '../campaign.ts';
import { printJson } from '../print-json.ts';
import { table } from '../table.ts';
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

const READS_AT_ONCE = 8;

interface ListedCampaign {
  readonly campaign: string;
  readonly phase: CampaignOverview['phase'] | 'unreadable';
  readonly reason: string | undefined;
  /** Stages that run now. */
  readonly running: readonly { readonly stage: string; readonly round: number; readonly rounds: number }[];
  readonly uploadedAt: string | undefined;
  readonly plannedAt: string | undefined;
  readonly endedAt: string | undefined;
}

async function list(flags: CampaignFlags): Promise<void> {
  const [{ campaignOverview }, { roundsOf }] = await Promise.all([
    import('../../lib/protocol/status.ts'),
    import('../../lib/protocol/plan.ts'),
  ]);
  const context = await campaignContext(flags);
  const read = async (campaign: string): Promise<ListedCampaign[]> => {
    try {
      const overview = await campaignOverview(context, campaign);
      if (!overview) return [];
      const { phase, reason, uploadedAt, plannedAt, endedAt, stages } = overview;
      const running = stages
        .filter(({ completed, rounds }) => !completed && rounds.length > 0)
        .map(({ stage, rounds }) => ({
          stage: stage.name,
          round: rounds.at(-1)?.at.round ?? 0,
          rounds: roundsOf(stage),
        }));
      return [{ campaign, phase, reason, running, uploadedAt, plannedAt, endedAt }];
    } catch (error) {
      // One damaged or newer campaign must not hide the others.
      if (!isFedcardioError(error, 'BAD_MESSAGE') && !isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
      const times = { uploadedAt: undefined, plannedAt: undefined, endedAt: undefined };
      return [{ campaign, phase: 'unreadable', reason: describeError(error), running: [], ...times }];
    }
  };
  const campaigns = (await mapConcurrently(await campaignIds(context), READS_AT_ONCE, read)).flat();
  if (flags.json) printJson('campaign-list', { federation: context.federation.id, campaigns });
  else console.log(listText(context.federation.id, campaigns));
}

/** The campaigns as a table, the newest last. */
function listText(federation: string, campaigns: readonly ListedCampaign[]): string {
  if (campaigns.length === 0) {
    return `Federation ${federation} has no campaigns. Start one: fedcardio campaign start campaign.json`;
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
