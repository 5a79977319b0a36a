import { type FederationKey, federationKeys, parseRoundKey, type RoundAddress } from '../federation/keys.ts';
import type { Plan, Stage } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import type { ObjectInfo } from '../storage/contract.ts';
import { learns, roundsOf } from './plan.ts';

export interface RoundState {
  readonly at: RoundAddress;
  readonly phase: 'open' | 'sealed' | 'committed';
  /** When the round's GPU tasks were last sent. */
  readonly sentAt: Date | undefined;
}

export interface StageState {
  readonly stage: Stage;
  /** The opened rounds in order, from round 1. Rounds before the last one are missing if the stage stopped early. */
  readonly rounds: readonly RoundState[];
  readonly completed: boolean;
}

export interface CampaignState {
  readonly campaign: string;
  /** Whether the campaign has an outcome. Nothing changes after it. */
  readonly ended: boolean;
  readonly stages: readonly StageState[];
}

/**
 * The state of a campaign: a pure function of its plan and of the objects below its prefix, listed in byte order. What
 * sites have answered is read for open rounds only (`answer-keys.ts`). There is no other state, so that every caller sees
 * the same.
 */
export function campaignState(plan: Plan, listing: readonly ObjectInfo<FederationKey>[]): CampaignState {
  const campaign = plan.campaign.id;
  const rounds = roundStates(listing);
  const outcome = federationKeys.outcome(campaign);
  return {
    campaign,
    ended: listing.some(({ key }) => key === outcome),
    stages: plan.campaign.stages.map((stage) => {
      const stateOf = (round: number) => rounds.get(federationKeys.round({ campaign, stage: stage.name, round }));
      const opened: RoundState[] = [];
      for (let round = 1; round < roundsOf(stage); round++) {
        const state = stateOf(round);
        if (!state) break;
        opened.push(state);
      }
      // A stage that stops early goes on with its last round.
      const last = opened.length + 1 === roundsOf(stage) || stopsEarly(stage) ? stateOf(roundsOf(stage)) : undefined;
      return {
        stage,
        rounds: last ? [...opened, last] : opened,
        completed: last?.phase === 'committed',
      };
    }),
  };
}

/** Whether a stage may leave out rounds before its last one. */
const stopsEarly = (stage: Stage): boolean => learns(stage) && stage.validate?.patience !== undefined;

/** The state of every open, sealed or committed round, by its prefix. */
export function roundStates(listing: readonly ObjectInfo<FederationKey>[]): ReadonlyMap<string, RoundState> {
  const byRound = groupBy(
    listing.flatMap((object) => {
      const parsed = parseRoundKey(object.key);
      return parsed ? [{ ...parsed, ...object }] : [];
    }),
    ({ at }) => federationKeys.round(at),
  );
  return new Map(
    [...byRound].flatMap(([prefix, objects]): [string, RoundState][] => {
      const found = new Map(objects.map((object) => [object.rest, object]));
      const at = objects[0]?.at;
      if (!at || !found.has('open.json')) return [];
      const phase = found.has('commit.json') ? 'committed' : found.has('seal.json') ? 'sealed' : 'open';
      return [[prefix, { at, phase, sentAt: found.get('sent.json')?.lastModified }]];
    }),
  );
}
