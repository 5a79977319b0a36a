import type { Command } from 'commander';
import type { RoundContext } from '../lib/protocol/context.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { url } from './options.ts';

/** What every command that looks into a federation takes. */
export interface CampaignFlags {
  readonly endpoint?: string;
  readonly federation: string;
  readonly json?: boolean;
}

/** Adds the argument and options that say which campaign is meant, and where it is. */
export const aboutCampaign = (command: Command): Command =>
  placed(command.argument('<campaign>', 'id of the campaign'));

/** Adds the options that say where a federation is. */
export const placed = (command: Command): Command =>
  command
    .option('--endpoint <url>', 'S3 endpoint; without it AWS, by your environment', url)
    .option('--federation <id>', 'id of the federation', 'fedcardio')
    .option('--json', 'print all of it as JSON');

/** The storage that the options name. It knows no sites: enough to look at a campaign and to steer it. */
export async function campaignContext(flags: CampaignFlags): Promise<RoundContext> {
  const { createObjectStorage } = await import('../lib/aws/objects.ts');
  return {
    federation: { schema: 'fedcardio.federation/1', id: flags.federation, sites: [] },
    federationStore: storesOf(createObjectStorage({ endpoint: flags.endpoint }), flags.federation).federationStore,
    now: () => new Date(),
    log: () => undefined,
  };
}
