import type { Open, Quorum } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';

/** A site's answer to a round, in the order of its key. */
export interface Answer {
  readonly site: string;
  readonly key: string;
  readonly at: Date;
  /** Why it cannot be merged; undefined where it can. */
  readonly fault: string | undefined;
}

export type Usable<A extends Answer> = A & { readonly fault: undefined };
export type Unusable<A extends Answer> = A & { readonly fault: string };

export type Decision<A extends Answer> =
  | { readonly kind: 'wait'; readonly until: Date }
  /** One answer a site, both lists sorted by site. */
  | { readonly kind: 'seal'; readonly accepted: readonly Usable<A>[]; readonly failed: readonly Unusable<A>[] }
  | { readonly kind: 'fail'; readonly reason: string };

/**
 * Whether a round closes now, and with which updates. It closes as soon as every participant has answered, usable
 * or not; otherwise when it has had quorum for `closeAfterQuorumSeconds`; at the latest at its deadline. A round
 * that closes with fewer than `minSites` usable updates has failed.
 *
 * Of several answers of one site the first usable by key order counts: a retry makes good an earlier failure.
 *
 * @param answers in byte order of their keys
 * @param deadline the round's, put off by pauses
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
    reason: `Round ${open.round} of ${open.stage} failed: ${accepted.length} of ${open.participants.length} sites sent a usable update, ${quorum.minSites} needed. ${reasons.join('; ')}.`,
  };
}

/** Participants by what they answered, each list sorted by site. Answers of other sites are left out. */
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

/** When a round with these updates closes for its quorum, or undefined when it has none yet. */
function quorumClosing(open: Open, quorum: Quorum, accepted: readonly Answer[]): Date | undefined {
  const times = accepted.map((answer) => answer.at.getTime()).sort((a, b) => a - b);
  const reached = times[open.quorum - 1];
  if (reached === undefined) return undefined;
  // Without a grace period at once: the storage's clock may be ahead of ours.
  return new Date(quorum.closeAfterQuorumSeconds === 0 ? 0 : reached + quorum.closeAfterQuorumSeconds * 1000);
}

const earliest = (a: Date, b: Date | undefined): Date => (b && b < a ? b : a);
