import { mapConcurrently } from '../../../lib/async.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { federationKeys } from '../../../lib/federation/keys.ts';
import { type Open, openSchema, planSchema } from '../../../lib/federation/schemas.ts';
import { printable } from '../../../lib/printable.ts';
import type { ReaderContext } from '../../../lib/protocol/context.ts';
import { readPauses } from '../../../lib/protocol/pauses.ts';
import { roundsOf } from '../../../lib/protocol/plan.ts';
import { type CampaignStatus, campaignOverview, campaignStatus, stagePhase } from '../../../lib/protocol/status.ts';
import { readJson, tryReadJson } from '../../../lib/storage/documents.ts';
import type { PageContext } from '../context.ts';
import type { CampaignDocuments } from './view.ts';

const READS_AT_ONCE = 16;

/** What reads a campaign again and again: after a listing, only what is new. */
export const pollingContext = ({ federation, reader, now, log }: PageContext): ReaderContext => ({
  federation,
  federationStore: reader,
  now,
  log,
});

interface ReadCampaign {
  readonly status: CampaignStatus;
  readonly documents: CampaignDocuments;
}

/**
 * What one listing and three documents tell of a campaign: its stages, without what happened in their rounds.
 *
 * @throws FedcardioError NOT_FOUND
 */
export async function readOverview({ reader, federation }: PageContext, campaign: string): Promise<ReadCampaign> {
  const overview = await campaignOverview({ federationStore: reader }, campaign);
  if (!overview) throw noCampaign(federation.id, campaign);
  const plan = (await tryReadJson(reader, federationKeys.plan(campaign), planSchema))?.value;
  const { stages, pauses, uploadedAt: _, ...rest } = overview;
  const done = new Map(stages.map(({ stage, rounds }) => [stage.name, committedOf(rounds)]));
  return {
    status: {
      ...rest,
      ...{ suspected: [], consents: [], withdrawn: [] },
      stages: stages.map((state) => ({
        ...{ name: state.stage.name, kind: state.stage.kind, phase: stagePhase(state), rounds: [] },
        total: roundsOf(state.stage),
      })),
    },
    documents: {
      ...{ plan, pauses, isPartial: true, participants: () => [], sites: federation.sites.map(({ id }) => id) },
      done: (stage) => done.get(stage) ?? 0,
    },
  };
}

const committedOf = (rounds: readonly { readonly phase: string }[]): number =>
  rounds.filter(({ phase }) => phase === 'committed').length;

/**
 * Everything that the page shows of a campaign.
 *
 * @param answers whether to list what sites have sent: one request for each
 * @throws FedcardioError NOT_FOUND
 */
export async function readCampaign(context: PageContext, campaign: string, answers: boolean): Promise<ReadCampaign> {
  const { reader, federation } = context;
  const status = await campaignStatus(pollingContext(context), campaign, { answers });
  if (!status) throw noCampaign(federation.id, campaign);
  const plan = (await tryReadJson(reader, federationKeys.plan(campaign), planSchema))?.value;
  const rounds = status.stages.flatMap(({ name: stage, rounds }) => rounds.map(({ round }) => ({ stage, round })));
  const opens = await mapConcurrently(rounds, READS_AT_ONCE, (at) =>
    readJson(reader, federationKeys.open({ campaign, ...at }), openSchema),
  );
  const done = new Map(status.stages.map(({ name, rounds: all }) => [name, committedOf(all)]));
  const participants = new Map<string, Open['participants']>(
    opens.map(({ value }) => [federationKeys.round(value), value.participants]),
  );
  return {
    status,
    documents: {
      plan,
      isPartial: !answers,
      pauses: await readPauses(reader, campaign),
      participants: (stage, round) => participants.get(federationKeys.round({ campaign, stage, round })) ?? [],
      sites: federation.sites.map(({ id }) => id),
      done: (stage) => done.get(stage) ?? 0,
    },
  };
}

export const noCampaign = (federation: string, campaign: string): FedcardioError =>
  new FedcardioError('NOT_FOUND', `Federation "${federation}" has no campaign "${printable(campaign)}".`);
