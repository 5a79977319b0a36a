import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { FedcardioError } from '../lib/error.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { type Federation, federationSchema } from '../lib/federation/schemas.ts';
import { names } from '../lib/federation/topology.ts';
import { parseJson } from '../lib/json.ts';
import { nearest } from '../lib/nearest.ts';
import { printable } from '../lib/printable.ts';
import type { RoundContext } from '../lib/protocol/context.ts';
import type { FederationStore, ObjectStore, OpenBucket, Stores } from '../lib/storage/contract.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { explainedStores } from './missing-bucket.ts';
import { url } from './options.ts';
import { readInput } from './read-input.ts';
import { commandLine } from './shell-words.ts';

/** Options of every command that reads a federation. */
export interface CampaignFlags {
  readonly endpoint?: string;
  /** Id of the federation, or path of its `federation.json`. */
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
    .option('--federation <id>', 'id of the federation, or its federation.json', 'fedcardio')
    .option('--json', 'print everything as JSON');

/** The options that select the federation, as they are typed. */
export const placeOptions = ({ federation, endpoint }: Omit<CampaignFlags, 'json'>): readonly string[] => [
  ...(federation === 'fedcardio' ? [] : ['--federation', federation]),
  ...(endpoint === undefined ? [] : ['--endpoint', endpoint]),
];

/**
 * The buckets that the options select, after a look at what answers at their endpoint. On the machine of an on-premises
 * site, FEDCARDIO_SITE_ENDPOINT has the site's own bucket, and FEDCARDIO_SENT_LOG names the log of what is sent.
 *
 * @throws FedcardioError of `requireS3` if it does not answer, or is not S3
 */
export async function openBuckets(flags: Pick<CampaignFlags, 'endpoint' | 'federation'>): Promise<OpenBucket> {
  const { endpoint } = flags;
  const [{ createObjectStorage }, { siteConnection }] = await Promise.all([
    import('../lib/aws/objects.ts'),
    import('../lib/aws/site-connection.ts'),
  ]);
  if (endpoint !== undefined) {
    const { requireS3 } = await import('../lib/aws/endpoint.ts');
    await requireS3(endpoint);
  }
  const openBucket = createObjectStorage({ endpoint });
  const own = siteConnection(process.env);
  if (!own) return openBucket;
  const openOwn = createObjectStorage(own);
  const ofFederation = names.federationBucket(federationOf(flags).id);
  const record = await recorder(process.env.FEDCARDIO_SENT_LOG);
  return (bucket) => (bucket === ofFederation ? record(openBucket(bucket)) : openOwn(bucket));
}

/** Records what a command on a hospital's own machine sends, in the log of `site run`. Without a log, nothing is sent. */
async function recorder(
  file: string | undefined,
): Promise<<K extends string>(store: ObjectStore<K>) => ObjectStore<K>> {
  const { openSentLog, recordingStore } = await import('../lib/storage/sent-log.ts');
  const log = file === undefined ? { begin: withoutLog } : openSentLog(file, () => new Date());
  return (store) => recordingStore(store, log, (work) => work());
}

function withoutLog(): never {
  throw new FedcardioError('BAD_CONFIGURATION', 'What this command sends to the federation would not be recorded.', {
    hint: 'Set FEDCARDIO_SENT_LOG to the log of `site run`: sent.jsonl in its --data folder.',
  });
}

/** A federation as the options select it. */
export interface FederationPlace extends RoundContext, Stores {
  /** `federation.json`, if the options name the file; otherwise the federation's sites are not known. */
  readonly declared: Federation | undefined;
}

/** The federation of the option `--federation`. An id has no dot or slash, so that it differs from a path. */
export function federationOf({ federation }: Pick<CampaignFlags, 'federation'>): {
  readonly id: string;
  readonly declared: Federation | undefined;
} {
  if (!/[./\\]/.test(federation) && !existsSync(federation)) return { id: federation, declared: undefined };
  const declared = parseJson(readInput(federation), federationSchema, federation);
  return { id: declared.id, declared };
}

/**
 * The storage that the options select. Without `federation.json` its federation has no sites, which reading and controlling
 * a campaign do not need.
 */
export async function campaignContext(flags: CampaignFlags): Promise<FederationPlace> {
  const { id, declared } = federationOf(flags);
  return {
    ...(await explainedStores(storesOf(await openBuckets(flags), id), { id, declared, endpoint: flags.endpoint })),
    federation: declared ?? { schema: 'fedcardio.federation/1', id, sites: [] },
    declared,
    now: () => new Date(),
    log: () => undefined,
  };
}

/**
 * Like {@link campaignContext}, for a command about one campaign.
 *
 * @throws FedcardioError `NOT_FOUND` with the nearest ids if there is no such campaign
 */
export async function contextOf(campaign: string, flags: CampaignFlags): Promise<FederationPlace> {
  const context = await campaignContext(flags);
  if (await context.federationStore.head(federationKeys.campaign(campaign))) return context;
  const ids = await campaignIds(context);
  if (ids.includes(campaign)) return context;
  const hint = suggestion(campaign, ids, flags);
  throw new FedcardioError('NOT_FOUND', unknown(context.federation.id, campaign), { hint });
}

const unknown = (federation: string, campaign: string): string =>
  `Federation "${federation}" has no campaign "${printable(campaign)}".`;

/** Most ids that an error lists. */
const LISTED = 5;

function suggestion(campaign: string, ids: readonly string[], flags: CampaignFlags): string {
  if (ids.length === 0) return 'It has no campaigns yet. Check --federation and --endpoint.';
  const near = nearest(campaign, ids);
  const listed = ids.slice(-LISTED).map(printable).join(', ');
  const list = commandLine(['npx', 'fedcardio', 'campaign', 'list', ...placeOptions(flags)]);
  const more = ids.length > LISTED ? `, and others: see \`${list}\`` : '';
  return `${near === undefined ? '' : `Did you mean "${printable(near)}"? `}Its campaigns are ${listed}${more}.`;
}

/** Ids of all campaigns, in byte order. */
export async function campaignIds({
  federationStore,
}: {
  readonly federationStore: Pick<FederationStore, 'folders'>;
}): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const folder of federationStore.folders(federationKeys.campaignsPrefix)) {
    ids.push(folder.slice(federationKeys.campaignsPrefix.length, -1));
  }
  return ids;
}
