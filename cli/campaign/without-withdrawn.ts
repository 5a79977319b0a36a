import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { id as idSchema } from '../../lib/federation/schemas/common.ts';
import { type Campaign, campaignSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson } from '../../lib/json.ts';
import { learns } from '../../lib/protocol/plan.ts';
import { campaignStatus } from '../../lib/protocol/status.ts';
import { readJson } from '../../lib/storage/documents.ts';
import type { FederationPlace } from '../campaign.ts';

/** A campaign that is to run again without the cases that were withdrawn since. */
export interface Repetition {
  readonly id: string;
  /** The bytes of its campaign.json. */
  readonly body: Uint8Array;
  /** SHA-256 of the imported weights that stages start from. */
  readonly init: readonly string[];
  /** Most withdrawn cases that a round of the earlier campaign has learnt from. */
  readonly withdrawn: number;
}

/**
 * The same campaign under a new id. Withdrawn cases are no longer in the sites' buckets, so that nothing else needs to change.
 *
 * @param id by default the campaign's with `-again`
 * @throws FedcardioError `BAD_CONFIGURATION` if the id cannot be one
 */
export async function repetitionOf(
  context: FederationPlace,
  campaign: string,
  id = `${campaign}-again`,
): Promise<Repetition> {
  if (!idSchema.safeParse(id).success) {
    throw new FedcardioError('BAD_CONFIGURATION', `"${id}" cannot be the id of a campaign.`, {
      hint: 'Give one with --id: 1 to 40 of a-z, 0-9 and -.',
    });
  }
  const { value } = await readJson(context.federationStore, federationKeys.campaign(campaign), campaignSchema);
  const status = await campaignStatus(context, campaign, { answers: false });
  return {
    id,
    body: Buffer.from(canonicalJson({ ...value, id })),
    init: initOf(value),
    withdrawn: Math.max(0, ...(status?.withdrawn ?? []).map(({ cases }) => cases)),
  };
}

const initOf = ({ stages }: Campaign): readonly string[] => [
  ...new Set(
    stages.flatMap((stage) => (learns(stage) && 'init' in stage && stage.init !== undefined ? [stage.init] : [])),
  ),
];

/** Stores the imported weights of a campaign under the id of its repetition. */
export async function copyInit(
  { federationStore }: FederationPlace,
  campaign: string,
  { id, init }: Pick<Repetition, 'id' | 'init'>,
): Promise<void> {
  for (const sha256 of init) {
    const { body } = await federationStore.get(federationKeys.init(campaign, sha256));
    await federationStore.put(federationKeys.init(id, sha256), body);
  }
}
