import type { RoundAddress } from '../federation/keys.ts';
import { type Commit, kindOf, type Open, type Plan } from '../federation/schemas.ts';
import type { Document } from '../storage/documents.ts';
import { stageOf } from './plan.ts';

export interface OpeningInputs {
  readonly plan: Plan;
  /** SHA-256 of plan.json. */
  readonly planSha256: string;
  /** The previous round's commit; undefined in a stage's first round. */
  readonly previous: Pick<Document<Commit>, 'value' | 'sha256'> | undefined;
  /** Sites of the federation that have what the stage needs, with the number of cases. */
  readonly able: readonly Participant[];
}

export type Participant = Open['participants'][number];

/** The frozen terms of a round, or why it cannot open. */
export type Opening =
  | { readonly kind: 'open'; readonly open: Open }
  | { readonly kind: 'impossible'; readonly reason: string };

/**
 * The terms of a round. Participants are the sites of the federation that have what the stage needs now, so that sites
 * join and leave between rounds. A round with fewer than `minSites` participants is impossible.
 */
export function openRound(at: RoundAddress, { plan, planSha256, previous, able }: OpeningInputs, now: Date): Opening {
  const stage = stageOf(plan, at.stage);
  const asked = able.filter(({ site }) => stage.sites?.includes(site) ?? true);
  const participants = asked.sort((a, b) => (a.site < b.site ? -1 : 1));
  const { minSites, minFraction, deadlineSeconds } = stage.quorum;
  if (participants.length < Math.max(1, minSites)) {
    const found = participants.map(({ site }) => site).join(', ');
    const asked = stage.sites ? `of ${stage.sites.join(', ')} ` : '';
    const who = asked + (found === '' ? 'no site has' : `only ${found} of ${minSites} sites have`);
    return {
      kind: 'impossible',
      reason: `Round ${at.round} of ${at.stage} cannot open: ${who} ${kindOf(stage).need(stage)}.`,
    };
  }
  return {
    kind: 'open',
    open: {
      schema: 'fedcardio.open/1',
      ...at,
      at: now.toISOString(),
      deadline: new Date(now.getTime() + deadlineSeconds * 1000).toISOString(),
      config: stage,
      seed: plan.campaign.seed,
      participants,
      quorum: Math.max(minSites, Math.ceil(minFraction * participants.length)),
      base: baseOf(previous),
      previous: previous?.sha256 ?? planSha256,
      ...(previous?.value.validation && { validation: previous.value.validation }),
    },
  };
}

/** The model that a round starts from: what the previous one published. */
export function baseOf(previous: OpeningInputs['previous']): Open['base'] {
  if (!previous?.value.global) return null;
  const { global, state } = previous.value;
  return { commit: previous.sha256, ...global, state };
}
