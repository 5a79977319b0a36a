import { FedcardioError } from '../../../lib/error.ts';
import { type FederationKey, federationKeys } from '../../../lib/federation/keys.ts';
import { printable } from '../../../lib/printable.ts';
import { campaignOverview } from '../../../lib/protocol/status.ts';
import { placeOptions } from '../../campaign.ts';
import { commandLine } from '../../shell-words.ts';
import { noCampaign } from '../campaign/read.ts';
import type { Handler } from '../handler.ts';

/** The documents of a campaign's chain, as `fedcardio campaign verify` reads them. */
export const chain: Handler<'chain'> = async ({ reader, federation, endpoint }, { params: { campaign } }) => {
  const overview = await campaignOverview({ federationStore: reader }, campaign);
  if (!overview) throw noCampaign(federation.id, campaign);
  return {
    campaign: federationKeys.campaign(campaign),
    ...(overview.plannedAt !== undefined && { plan: federationKeys.plan(campaign) }),
    ...(overview.endedAt !== undefined && { outcome: federationKeys.outcome(campaign) }),
    verify: commandLine([
      ...['npx', 'fedcardio', 'campaign', 'verify', campaign],
      ...placeOptions({ federation: federation.id, ...(endpoint !== undefined && { endpoint }) }),
    ]),
    stages: overview.stages.map(({ stage, rounds }) => ({
      name: stage.name,
      rounds: rounds.map(({ at, phase }) => ({
        round: at.round,
        open: federationKeys.open(at),
        ...(phase !== 'open' && { seal: federationKeys.seal(at) }),
        ...(phase === 'committed' && { commit: federationKeys.commit(at) }),
      })),
    })),
  };
};

/** Longer documents are not sent. That of a round with a thousand sites has less than a megabyte. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The stored bytes of a JSON document of a campaign: never of a file of weights. */
export const chainDocument: Handler<'document'> = async ({ federationStore }, { params: { campaign }, query }) => {
  const key = query.key as FederationKey;
  const name = printable(key);
  if (!isDocumentOf(campaign, key)) {
    throw new FedcardioError('BAD_KEY', `${name} is not a document of campaign ${printable(campaign)}.`);
  }
  const found = await federationStore.head(key);
  if (!found) throw new FedcardioError('NOT_FOUND', `There is no s3://${federationStore.bucket}/${name}.`);
  if (found.bytes > MAX_BYTES) {
    throw new FedcardioError('BAD_MESSAGE', `${name} has ${found.bytes} bytes, more than a document can have.`);
  }
  return { type: 'application/octet-stream', body: (await federationStore.get(key)).body };
};

/** What the coordinator or a site has written about a campaign. */
const isDocumentOf = (campaign: string, key: string): boolean =>
  key.endsWith('.json') &&
  (key.startsWith(`campaigns/${campaign}/`) ||
    key.startsWith(`models/${campaign}/`) ||
    /^updates\/([^/]+)\/([^/]+)\//.exec(key)?.[2] === campaign);
