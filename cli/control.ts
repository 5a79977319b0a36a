import { Command } from 'commander';
import type { Outcome } from '../lib/federation/schemas.ts';
import { aboutCampaign, type CampaignFlags, campaignContext } from './campaign.ts';

interface ControlFlags extends CampaignFlags {
  readonly reason?: string;
}

/** `fedcardio pause`, `resume` and `cancel <campaign>`. */
export const controlCommands = (): readonly Command[] => [
  aboutCampaign(new Command('pause'))
    .description(
      'Start no more rounds of a campaign until it is resumed; what runs goes on, and deadlines stand still.',
    )
    .option('--reason <text>', 'why, for those who look at its status')
    .addHelpText('after', examples('pause tavi-2026 --reason "GPUs are needed elsewhere"'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { pauseCampaign } = await import('../lib/protocol/control.ts');
      const pauses = await pauseCampaign(await campaignContext(flags), campaign, flags.reason);
      print(flags, { campaign, pauses }, `${campaign} is paused since ${pauses.at(-1)?.from}.`);
    }),
  aboutCampaign(new Command('resume'))
    .description('Let a paused campaign go on.')
    .addHelpText('after', examples('resume tavi-2026'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { resumeCampaign } = await import('../lib/protocol/control.ts');
      const pauses = await resumeCampaign(await campaignContext(flags), campaign);
      print(flags, { campaign, pauses }, `${campaign} goes on.`);
    }),
  aboutCampaign(new Command('cancel'))
    .description('End a campaign for good. Updates that still come are kept and never merged.')
    .option('--reason <text>', 'why, for those who look at its status')
    .addHelpText('after', examples('cancel tavi-2026 --reason "wrong labels in Munich"'))
    .action(async (campaign: string, flags: ControlFlags) => {
      const { cancelCampaign } = await import('../lib/protocol/control.ts');
      const outcome = await cancelCampaign(await campaignContext(flags), campaign, flags.reason);
      print(flags, outcome, cancelled(campaign, outcome));
    }),
];

const cancelled = (campaign: string, { status, at }: Outcome): string =>
  status === 'cancelled' ? `${campaign} is cancelled.` : `${campaign} had already ended: ${status} at ${at}.`;

const print = (flags: ControlFlags, value: unknown, text: string): void =>
  console.log(flags.json ? JSON.stringify(value, null, 2) : text);

const examples = (example: string): string => `
Examples:
  fedcardio ${example}
  fedcardio ${example.split(' ').slice(0, 2).join(' ')} --federation heart --endpoint http://127.0.0.1:4566`;
