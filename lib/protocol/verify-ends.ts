import { type FederationKey, federationKeys, parseRoundKey, type RoundAddress } from '../federation/keys.ts';
import type { Outcome } from '../federation/schemas.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { requirementsOf } from './plan.ts';
import type { CampaignState } from './state.ts';
import type { RoundVerification } from './verify-round.ts';

/** The links of a round in the chain. */
const LINKS = ['open.json', 'seal.json', 'commit.json'];

/** A fault for each round or stage that is missing although a later document needs it. */
export function gapFaults({ stages }: CampaignState, listing: readonly ObjectInfo<FederationKey>[]): readonly string[] {
  const known = new Set(stages.flatMap(({ rounds }) => rounds.map(({ at }) => federationKeys.round(at))));
  const strays = listing.flatMap(({ key }) => {
    const { at, rest } = parseRoundKey(key) ?? {};
    return at && rest && LINKS.includes(rest) && !known.has(federationKeys.round(at)) ? [at] : [];
  });
  const completed = new Set(stages.flatMap(({ stage, completed }) => (completed ? [stage.name] : [])));
  return [
    ...new Set(strays.map((at) => `${nameOf(at)} has no terms, or no round before it`)),
    ...stages.flatMap(({ stage, rounds }) =>
      requirementsOf(stage)
        .filter((needed) => rounds.length > 0 && !completed.has(needed))
        .map((needed) => `${stage.name} has begun, but ${needed} has not completed`),
    ),
  ];
}

/** A fault for each statement of the outcome that contradicts the stages and commits. */
export function endFaults(
  { stages }: CampaignState,
  rounds: readonly RoundVerification[],
  outcome: Outcome | undefined,
): readonly string[] {
  const open = stages.filter(({ completed }) => !completed).map(({ stage }) => stage.name);
  if (outcome?.status === 'failed' && open.length === 0)
    return ['outcome.json says that the campaign failed, but all its stages have completed'];
  if (outcome?.status !== 'completed') return [];
  const last = new Map(rounds.map(({ at, commit }) => [at.stage, commit?.sha256]));
  const links = outcome.commits && new Map(outcome.commits.map(({ stage, sha256 }) => [stage, sha256]));
  return [
    ...open.map((name) => `outcome.json says that the campaign completed, but ${name} has not`),
    ...stages
      .filter(({ stage: { name }, completed }) => links && completed && links.get(name) !== last.get(name))
      .map(({ stage }) => `outcome.json does not name the last commit of ${stage.name}`),
  ];
}

const nameOf = ({ stage, round }: RoundAddress): string => `${stage} round ${round}`;
