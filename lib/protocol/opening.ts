import type { RoundAddress } from '../federation/keys.ts';
import { type Commit, kindOf, type Open, type Plan } from '../federation/schemas.ts';
import type { Document } from '../storage/documents.ts';
import { type ConsentAnswer, disagreementOf, willing } from './consent/answers.ts';
import { stageOf } from './plan.ts';
import { roundPrivacy } from './round-privacy.ts';

export interface OpeningInputs {
  readonly plan: Plan;
  /** SHA-256 of plan.json. */
  readonly planSha256: string;
  /** The previous round's commit; undefined in a stage's first round. */
  readonly previous: Pick<Document<Commit>, 'value' | 'sha256'> | undefined;
  /** Sites of the federation that have what the stage needs, with the number of cases. */
  readonly able: readonly Participant[];
  /** What these have answered to the campaign; none by default. */
  readonly answers?: ReadonlyMap<string, Pick<ConsentAnswer, 'state' | 'consent'>>;
  /** With secure aggregation: the sites that can take part, and what the round says of them. */
  readonly secure?: { readonly sites: readonly string[]; readonly terms: NonNullable<Open['secure']> } | undefined;
}

export type Participant = Open['participants'][number];

/** The frozen terms of a round, or why it cannot open. */
export type Opening =
  | { readonly kind: 'open'; readonly open: Open }
  | { readonly kind: 'impossible'; readonly reason: string };

/**
 * The terms of a round. Participants are the sites of the federation that have what the stage needs now and agree to the campaign, so that sites
 * join and leave between rounds. A round with fewer than `minSites` participants is impossible.
 */
export function openRound(
  at: RoundAddress,
  { plan, planSha256, previous, able, answers = new Map(), secure }: OpeningInputs,
  now: Date,
): Opening {
  const stage = stageOf(plan, at.stage);
  const { minFraction, deadlineSeconds } = stage.quorum;
  const minSites = Math.max(stage.quorum.minSites, secure?.terms.threshold ?? 0);
  const named = able.filter(({ site }) => (secure?.sites ?? stage.sites)?.includes(site) ?? true);
  const { asked, unwilling } = willing(named, answers, minSites);
  const participants = asked.toSorted((a, b) => (a.site < b.site ? -1 : 1));
  if (participants.length < Math.max(1, minSites)) {
    const found = participants.map(({ site }) => site).join(', ');
    const of = stage.sites ? `of ${stage.sites.join(', ')} ` : '';
    const who = of + (found === '' ? 'no site has' : `only ${found} of ${minSites} sites have`);
    const declined = disagreementOf(unwilling).map((reason) => ` ${reason}.`);
    return {
      kind: 'impossible',
      reason: `Round ${at.round} of ${at.stage} cannot open: ${who} ${kindOf(stage).need(stage)}.${declined.join('')}`,
    };
  }
  const privacy = roundPrivacy(plan.campaign, stage, at.round, previous?.value);
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
      ...(privacy && { privacy }),
      previous: previous?.sha256 ?? planSha256,
      ...(secure && { secure: secure.terms }),
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
