import { Command } from 'commander';
import { FedcardioError } from '../lib/error.ts';
import type { CampaignStatus, StageStatus } from '../lib/federation/protocol/status.ts';
import { significant } from '../lib/report/format.ts';
import { url } from './options.ts';
import { table } from './table.ts';

/** `fedcardio status <campaign>`: where a campaign stands, read from the federation bucket. */
export const statusCommand = (): Command =>
  new Command('status')
    .description('Show where a campaign stands: stages, rounds, who is waited for.')
    .argument('<campaign>', 'id of the campaign')
    .option('--endpoint <url>', 'S3 endpoint; without it AWS, by your environment', url)
    .option('--federation <id>', 'id of the federation', 'fedcardio')
    .option('--json', 'print all of it as JSON')
    .addHelpText(
      'after',
      `
Examples:
  fedcardio status demo-full-1 --endpoint http://127.0.0.1:4566
  fedcardio status tavi-2026 --federation heart --json`,
    )
    .action(status);

interface StatusFlags {
  readonly endpoint?: string;
  readonly federation: string;
  readonly json?: boolean;
}

async function status(campaign: string, flags: StatusFlags): Promise<void> {
  const { campaignStatus } = await import('../lib/federation/protocol/status.ts');
  const { createObjects } = await import('../lib/storage/objects.ts');
  const objects = createObjects({ endpoint: flags.endpoint });
  const context = { objects, federation: { id: flags.federation }, now: () => new Date(), log: () => undefined };
  const found = await campaignStatus(context, campaign);
  if (!found) {
    throw new FedcardioError('NOT_FOUND', `Federation "${flags.federation}" has no campaign "${campaign}".`, {
      hint: 'Check --federation and --endpoint.',
    });
  }
  console.log(flags.json ? JSON.stringify(found, null, 2) : statusText(found));
}

/** The status as a table, and below it what somebody should look at: failures and late updates. */
export function statusText(status: CampaignStatus): string {
  const rows = status.stages.map((stage) => [
    stage.name,
    stage.phase,
    `${stage.rounds.filter(({ phase }) => phase === 'committed').length}/${stage.total}`,
    lossOf(stage),
    stage.rounds.at(-1)?.waitingFor.join(', ') ?? '',
  ]);
  const notes = status.stages.flatMap(({ name, rounds }) =>
    rounds.flatMap(({ round, failed, late }) => [
      ...failed.map(({ site, reason }) => `${name} round ${round}: ${site} failed: ${reason}`),
      ...late.map(({ site, at }) => `${name} round ${round}: the update of ${site} came late (${at})`),
    ]),
  );
  return [
    `${status.campaign}: ${status.phase}${status.reason === undefined ? '' : `: ${status.reason}`}`,
    ...(rows.length > 0 ? ['', ...table(['stage', 'phase', 'rounds', 'loss', 'waiting for'], rows)] : []),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

/** Of the last committed round. */
function lossOf({ rounds }: StageStatus): string {
  const loss = rounds.findLast(({ figures }) => figures.loss !== undefined)?.figures.loss;
  return loss === undefined ? '' : significant(loss);
}
