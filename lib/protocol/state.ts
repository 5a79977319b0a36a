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

/** How far a stage has come: all that decides what it does next. */
export interface StageProgress {
  readonly stage: Stage;
  /** The last round that was opened. */
  readonly current: RoundState | undefined;
  readonly completed: boolean;
}

export interface StageState extends StageProgress {
  /** The opened rounds in order, from round 1. Rounds before the last one are missing if the stage stopped early. */
  readonly rounds: readonly RoundState[];
}

export interface CampaignProgress {
  readonly campaign: string;
  /** Whether the campaign has an outcome. Nothing changes after it. */
  readonly ended: boolean;
  readonly stages: readonly StageProgress[];
}

export interface CampaignState extends CampaignProgress {
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
      const opened = openedRounds(stage, (round) => stateOf(round) !== undefined).flatMap(
        (round) => stateOf(round) ?? [],
      );
      const current = opened.at(-1);
      const completed = current?.at.round === roundsOf(stage) && current.phase === 'committed';
      return { stage, rounds: opened, current, completed };
    }),
  };
}

/** The opened rounds of a stage, ascending: all from the first one on, and the last one behind a gap if it stops early. */
export function openedRounds(stage: Stage, isOpened: (round: number) => boolean): readonly number[] {
  const last = roundsOf(stage);
  const opened: number[] = [];
  for (let round = 1; round < last && isOpened(round); round++) opened.push(round);
  return (opened.length + 1 === last || stopsEarly(stage)) && isOpened(last) ? [...opened, last] : opened;
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
