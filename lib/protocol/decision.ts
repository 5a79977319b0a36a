import type { FederationKey } from '../federation/keys.ts';
import type { Open, Quorum } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import { listReasons } from './reasons.ts';

/** A site's answer to a round. */
export interface Answer {
  readonly site: string;
  readonly key: FederationKey;
  readonly at: Date;
  /** Why it cannot be merged; undefined if it can. */
  readonly fault: string | undefined;
}

export type Usable<A extends Answer> = A & { readonly fault: undefined };
export type Unusable<A extends Answer> = A & { readonly fault: string };

export type Decision<A extends Answer> =
  | { readonly kind: 'wait'; readonly until: Date }
  /** One answer per site; both lists are sorted by site. */
  | { readonly kind: 'seal'; readonly accepted: readonly Usable<A>[]; readonly failed: readonly Unusable<A>[] }
  | { readonly kind: 'fail'; readonly reason: string };

/**
 * Decides whether a round closes now, and with which updates. It closes as soon as every participant has answered, usable or
 * not; otherwise when it has had quorum for `closeAfterQuorumSeconds`; at the latest at its deadline. A round that
 * closes with fewer than `minSites` usable updates has failed.
 *
 * If a site answered several times, its first usable answer by key order counts: a retry replaces an earlier failure.
 *
 * @param answers in byte order of their keys
 * @param deadline the round's deadline, extended by pauses
 */
export function roundDecision<A extends Answer>(
  open: Open,
  quorum: Quorum,
  answers: readonly A[],
  now: Date,
  deadline = new Date(open.deadline),
): Decision<A> {
  const { accepted, failed, missing } = sortAnswers(open, answers);
  const closes = earliest(deadline, quorumClosing(open, quorum, accepted));
  if (missing.length > 0 && now < closes) return { kind: 'wait', until: closes };
  if (accepted.length >= quorum.minSites) return { kind: 'seal', accepted, failed };
  const reasons = [
    ...failed.map(({ site, fault }) => `${site}: ${fault}`),
    ...(missing.length > 0 ? [`no answer from ${missing.join(', ')} by ${deadline.toISOString()}`] : []),
  ];
  return {
    kind: 'fail',
    reason: `Round ${open.round} of ${open.stage} failed: ${accepted.length} of ${open.participants.length} sites sent a usable update, ${quorum.minSites} needed. ${listReasons(reasons)}`,
  };
}

/** Participants by the kind of their answer, each list sorted by site. Answers of other sites are ignored. */
export function sortAnswers<A extends Answer>({ participants }: Pick<Open, 'participants'>, answers: readonly A[]) {
  const accepted: Usable<A>[] = [];
  const failed: Unusable<A>[] = [];
  const missing: string[] = [];
  const bySite = groupBy(answers, (answer) => answer.site);
  for (const { site } of participants) {
    const own = bySite.get(site) ?? [];
    const usable = own.find((answer): answer is Usable<A> => answer.fault === undefined);
    const unusable = own.find((answer): answer is Unusable<A> => answer.fault !== undefined);
    if (usable) accepted.push(usable);
    else if (unusable) failed.push(unusable);
    else missing.push(site);
  }
  return { accepted, failed, missing };
}

/** When a round with these updates closes because of its quorum; undefined without quorum. */
function quorumClosing(open: Open, quorum: Quorum, accepted: readonly Answer[]): Date | undefined {
  const times = accepted.map((answer) => answer.at.getTime()).sort((a, b) => a - b);
  const reached = times[open.quorum - 1];
  if (reached === undefined) return undefined;
  // Without a grace period the round closes at once: the storage's clock may be ahead of this one.
  return new Date(quorum.closeAfterQuorumSeconds === 0 ? 0 : reached + quorum.closeAfterQuorumSeconds * 1000);
}

const earliest = (a: Date, b: Date | undefined): Date => (b && b < a ? b : a);
