import type { Command } from 'commander';
import type { RoundContext } from '../lib/protocol/context.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { url } from './options.ts';

/** Options of every command that reads a federation. */
export interface CampaignFlags {
  readonly endpoint?: string;
  readonly federation: string;
  readonly json?: boolean;
}

/** Adds the argument and options that select a campaign. */
export const aboutCampaign = (command: Command): Command =>
  placed(command.argument('<campaign>', 'id of the campaign'));

/** Adds the options that select a federation. */
export const placed = (command: Command): Command =>
  command
    .option('--endpoint <url>', 'S3 endpoint (default: AWS, as your environment configures it)', url)
    .option('--federation <id>', 'id of the federation', 'fedcardio')
    .option('--json', 'print everything as JSON');

/** The storage that the options select. Its federation has no sites, which reading and controlling a campaign do not need. */
export async function campaignContext(flags: CampaignFlags): Promise<RoundContext> {
  const { createObjectStorage } = await import('../lib/aws/objects.ts');
  return {
    federation: { schema: 'fedcardio.federation/1', id: flags.federation, sites: [] },
    federationStore: storesOf(createObjectStorage({ endpoint: flags.endpoint }), flags.federation).federationStore,
    now: () => new Date(),
    log: () => undefined,
  };
}
