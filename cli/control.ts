import { Command } from 'commander';
import type { Outcome } from '../lib/federation/schemas.ts';
import { aboutCampaign, type CampaignFlags, contextOf } from './campaign.ts';
import { printJson } from './print-json.ts';

interface ControlFlags extends CampaignFlags {
  readonly reason?: string;
}

/** `fedcardio campaign pause`, `resume` and `cancel <campaign>`. */
export const controlCommands = (): readonly Command[] => [
  aboutCampaign(new Command('pause'))
    .description(
      'Pause a campaign: no new rounds start until it is resumed. Running GPU tasks finish, and deadlines do not advance.',
    )
    .option('--reason <text>', 'reason, shown by status')
    .addHelpText('after', examples('pause tavi-2026 --reason "GPUs are needed for another project"'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { pauseCampaign } = await import('../lib/protocol/control.ts');
      const pauses = await pauseCampaign(await contextOf(campaign, flags), campaign, flags.reason);
      print(flags, { campaign, pauses }, `${campaign} is paused since ${pauses.at(-1)?.from}.`);
    }),
  aboutCampaign(new Command('resume'))
    .description('Resume a paused campaign.')
    .addHelpText('after', examples('resume tavi-2026'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { resumeCampaign } = await import('../lib/protocol/control.ts');
      const pauses = await resumeCampaign(await contextOf(campaign, flags), campaign);
      print(flags, { campaign, pauses }, `${campaign} is resumed.`);
    }),
  aboutCampaign(new Command('cancel'))
    .description('End a campaign permanently. Later updates are kept but never merged.')
    .option('--reason <text>', 'reason, shown by status')
    .addHelpText('after', examples('cancel tavi-2026 --reason "wrong labels in Munich"'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { cancelCampaign } = await import('../lib/protocol/control.ts');
      const outcome = await cancelCampaign(await contextOf(campaign, flags), campaign, flags.reason);
      print(flags, outcome, cancelled(campaign, outcome));
    }),
];

const cancelled = (campaign: string, { status, at }: Outcome): string =>
  status === 'cancelled' ? `${campaign} is cancelled.` : `${campaign} had already ended: ${status} at ${at}.`;

const print = (flags: ControlFlags, value: object, text: string): void =>
  flags.json ? printJson('campaign-control', value) : console.log(text);

const examples = (example: string): string => `
Examples:
  npx fedcardio campaign ${example}
  npx fedcardio campaign ${example.split(' ').slice(0, 2).join(' ')} --federation heart --endpoint http://127.0.0.1:4566`;
