import { mapConcurrently } from '../../../lib/async.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { federationKeys, type RoundAddress } from '../../../lib/federation/keys.ts';
import { sealSchema } from '../../../lib/federation/schemas.ts';
import { own } from '../../../lib/own.ts';
import { printable } from '../../../lib/printable.ts';
import { campaignOverview } from '../../../lib/protocol/status.ts';
import { readJson } from '../../../lib/storage/documents.ts';
import type { Curves } from '../../../page/api/campaign.ts';
import { CURVES } from '../../../page/api/limits.ts';
import { type MergedUpdate, readMerged } from '../../report/collect.ts';
import type { PageContext } from '../context.ts';
import { noCampaign } from './read.ts';

const ROUNDS_AT_ONCE = 4;

/**
 * Losses of the committed rounds of a stage.
 *
 * @param wanted sites whose updates are read, at most {@link CURVES}; by default those with the most cases
 * @throws FedcardioError NOT_FOUND if there is no such campaign or stage
 */
export async function readCurves(
  context: PageContext,
  campaign: string,
  stage: string,
  wanted?: readonly string[],
): Promise<Curves> {
  const { reader, federation } = context;
  const overview = await campaignOverview({ federationStore: reader }, campaign);
  if (!overview) throw noCampaign(federation.id, campaign);
  const state = overview.stages.find((one) => one.stage.name === stage);
  if (!state)
    throw new FedcardioError('NOT_FOUND', `Campaign ${printable(campaign)} has no stage "${printable(stage)}".`);
  const committed = state.rounds.filter(({ phase }) => phase === 'committed').map(({ at }) => at);
  const all = await casesBySite(reader, committed.at(-1));
  const sites = (wanted ?? [...all.keys()]).slice(0, CURVES);
  const isShown = new Set(sites);
  const rounds = await mapConcurrently(committed, ROUNDS_AT_ONCE, (at) =>
    readMerged(reader, at, (site) => isShown.has(site)),
  );
  const validated = new Map(
    rounds.flatMap(({ commit }) => (commit.validation?.scored ? [[commit.validation.scored.round, commit]] : [])),
  );
  const bySite = rounds.map(({ merged }) => new Map(merged.map((update) => [update.site, update])));
  const of = <T>(site: string, read: (update: MergedUpdate) => T | undefined): (T | null)[] =>
    bySite.map((updates) => {
      const update = updates.get(site);
      return (update && read(update)) ?? null;
    });
  return {
    stage,
    rounds: committed.map(({ round }) => round),
    mean: rounds.map(({ commit }) => own(commit.figures, 'loss') ?? null),
    validation: committed.map(({ round }) => validated.get(round)?.validation?.scored?.loss ?? null),
    support: rounds.map(({ commit }) => ({ sites: commit.sites.length, cases: commit.samples })),
    merged: all.size,
    sites: sites
      .filter((site) => bySite.some((updates) => updates.has(site)))
      .map((site) => ({
        site,
        loss: of(site, ({ figures }) => own(figures, 'loss')),
        cases: of(site, ({ samples }) => samples),
        validation: of(site, ({ validation }) => validation?.loss),
      })),
  };
}

/** Cases of each site that the round merged, most first. */
async function casesBySite(
  reader: PageContext['reader'],
  at: RoundAddress | undefined,
): Promise<ReadonlyMap<string, number>> {
  if (!at) return new Map();
  const { value } = await readJson(reader, federationKeys.seal(at), sealSchema);
  return new Map(value.updates.map(({ site, samples }) => [site, samples] as const).sort(([, a], [, b]) => b - a));
}
