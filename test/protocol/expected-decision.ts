import { parseUpdateKey } from '../../lib/federation/keys.ts';
import type { Control, Open } from '../../lib/federation/schemas.ts';
import type { ObjectInfo } from '../../lib/storage/contract.ts';

/** An answer in a listing. */
export interface SeenAnswer {
  readonly site: string;
  readonly key: string;
  readonly at: Date;
  /** As announced by its author. */
  readonly isUsable: boolean;
}

/** The answers in a listing of a round. */
export const seenAnswers = (
  listing: readonly ObjectInfo[],
  isUsable: (key: string) => boolean,
): readonly SeenAnswer[] =>
  listing.flatMap(({ key, lastModified }) => {
    const update = parseUpdateKey(key);
    return update?.id ? [{ site: update.site, key, at: lastModified, isUsable: isUsable(key) }] : [];
  });

/** The answers of one site that count: the first 8 by key. */
export const countedAnswers = (answers: readonly SeenAnswer[], site: string): readonly SeenAnswer[] =>
  answers.filter((answer) => answer.site === site).slice(0, 8);

export type Decision =
  | { readonly kind: 'wait' | 'fail' }
  /** Site and key of each update to merge, and the participants that sent no usable update. */
  | {
      readonly kind: 'seal';
      readonly merged: readonly (readonly [string, string])[];
      readonly failed: readonly string[];
    };

/**
 * The decision on a round for these answers at this time: the rules of docs/architecture.md, implemented
 * independently of `lib/protocol`.
 *
 * @param answers in byte order of their keys
 */
export function expectedDecision(
  { participants, config, quorum, deadline, at }: Open,
  answers: readonly SeenAnswer[],
  pauses: Control['pauses'],
  now: Date,
): Decision {
  const { minSites, closeAfterQuorumSeconds } = config.quorum;
  const sites = participants.map(({ site }) => site);
  const own = (site: string) => countedAnswers(answers, site);
  const first = sites.flatMap((site) =>
    own(site)
      .filter(({ isUsable }) => isUsable)
      .slice(0, 1),
  );

  const haveAllAnswered = sites.every((site) => own(site).length > 0);
  const inTime = first.filter(({ at }) => secondsBetween(at, now) >= closeAfterQuorumSeconds);
  const isQuorumOld = (closeAfterQuorumSeconds === 0 ? first : inTime).length >= quorum;
  const isLate = secondsBetween(new Date(deadline), now) >= pausedSeconds(new Date(at), pauses, now);
  if (!haveAllAnswered && !isQuorumOld && !isLate) return { kind: 'wait' };
  if (first.length < minSites) return { kind: 'fail' };
  return {
    kind: 'seal',
    merged: first.map(({ site, key }) => [site, key] as const),
    failed: sites.filter((site) => own(site).length > 0 && !first.some((answer) => answer.site === site)),
  };
}

/** Seconds that the campaign has been paused since `since`. */
function pausedSeconds(since: Date, pauses: Control['pauses'], now: Date): number {
  const each = pauses.map(({ from, until }) => {
    const start = new Date(Math.max(Date.parse(from), since.getTime()));
    return Math.max(0, secondsBetween(start, until === null ? now : new Date(until)));
  });
  return each.reduce((sum, seconds) => sum + seconds, 0);
}

const secondsBetween = (a: Date, b: Date): number => (b.getTime() - a.getTime()) / 1000;
