import { federationKeys, parseRoundKey, parseUpdateName, type RoundAddress } from '../keys.ts';
import type { Plan, Stage } from '../schemas.ts';
import { groupBy } from './group.ts';
import { roundsOf } from './plan.ts';
import type { ListedObject } from './ports.ts';

/** An update as the listing shows it: that a site answered, not yet what. */
export interface AnswerKey {
  readonly site: string;
  readonly key: string;
  readonly at: Date;
  /** Its weights were found unusable: there is a refusal beside it. */
  readonly refused: boolean;
}

export interface RoundState {
  readonly at: RoundAddress;
  readonly phase: 'open' | 'sealed' | 'committed';
  /** In byte order of their keys. */
  readonly answers: readonly AnswerKey[];
  /** When the round's tasks were last sent. */
  readonly sentAt: Date | undefined;
}

export interface StageState {
  readonly stage: Stage;
  /** The rounds that have opened, 1, 2, … */
  readonly rounds: readonly RoundState[];
  readonly completed: boolean;
}

export interface CampaignState {
  readonly campaign: string;
  /** It has an outcome: nothing more happens. */
  readonly ended: boolean;
  readonly stages: readonly StageState[];
}

/**
 * Where a campaign stands: a pure function of its plan and of the objects below its prefix, in byte order. Nothing
 * else is remembered anywhere, so that whoever looks sees the same.
 */
export function campaignState(plan: Plan, listing: readonly ListedObject[]): CampaignState {
  const campaign = plan.campaign.id;
  const rounds = roundStates(listing);
  const outcome = federationKeys.outcome(campaign);
  return {
    campaign,
    ended: listing.some(({ key }) => key === outcome),
    stages: plan.campaign.stages.map((stage) => {
      const opened: RoundState[] = [];
      for (let round = 1; round <= roundsOf(stage); round++) {
        const state = rounds.get(federationKeys.round({ campaign, stage: stage.name, round }));
        if (!state) break;
        opened.push(state);
      }
      const last = opened.at(-1);
      return {
        stage,
        rounds: opened,
        completed: last?.at.round === roundsOf(stage) && last.phase === 'committed',
      };
    }),
  };
}

/** The state of every round that has opened, by its prefix. */
export function roundStates(listing: readonly ListedObject[]): ReadonlyMap<string, RoundState> {
  const byRound = groupBy(
    listing.flatMap(({ key, lastModified }) => {
      const parsed = parseRoundKey(key);
      return parsed ? [{ ...parsed, key, lastModified }] : [];
    }),
    ({ at }) => federationKeys.round(at),
  );
  const states = [...byRound].flatMap(([prefix, objects]): [string, RoundState][] => {
    const found = new Map(objects.map((object) => [object.rest, object.lastModified]));
    const keys = new Set(objects.map((object) => object.key));
    const at = objects[0]?.at;
    if (!at || !found.has('open.json')) return [];
    const answers = objects.flatMap(({ rest, key, lastModified }) => {
      const update = parseUpdateName(rest);
      return update
        ? [{ site: update.site, key, at: lastModified, refused: keys.has(federationKeys.refusal(key)) }]
        : [];
    });
    const phase = found.has('commit.json') ? 'committed' : found.has('seal.json') ? 'sealed' : 'open';
    return [[prefix, { at, phase, answers, sentAt: found.get('sent.json') }]];
  });
  return new Map(states);
}
