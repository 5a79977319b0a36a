import type { Chain } from '../../api/chain.ts';

/** A document as the browser has read it. */
export interface ReadDocument {
  readonly bytes: number;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly sha256: string;
  readonly text: string;
  /** Undefined if the bytes are not JSON. */
  readonly value: unknown;
}

/** Documents by key. `undefined`: it could not be read. Keys that are absent were not read yet. */
export type Documents = ReadonlyMap<string, ReadDocument | undefined>;

/** A hash that one document names, and the document whose bytes must have it. */
export interface Link {
  readonly holder: string;
  readonly field: string;
  /** Undefined where the link must name nothing: the base of a stage's first round. */
  readonly target: string | undefined;
  readonly state: 'holds' | 'broken' | 'unread';
  readonly named: string | undefined;
  readonly actual: string | undefined;
}

/** A document that says that it belongs elsewhere. */
interface Misplaced {
  readonly holder: string;
}

export interface Checked {
  readonly links: readonly Link[];
  readonly misplaced: readonly Misplaced[];
}

/** Keys of all documents of the chain, in its order. */
export const keysOf = ({ campaign, plan, outcome, stages }: Chain): readonly string[] =>
  [
    campaign,
    plan,
    ...stages.flatMap(({ rounds }) => rounds.flatMap(({ open, seal, commit }) => [open, seal, commit])),
    outcome,
  ].filter((key) => key !== undefined);

/**
 * Follows every link of a chain: the plan names campaign.json; open.json and commit.json name the commit of the round before, or
 * in a stage's first round the plan; seal.json names open.json, and commit.json names seal.json.
 */
export function checkChain(chain: Chain, documents: Documents): Checked {
  const { campaign, plan, stages } = chain;
  if (plan === undefined) return { links: [], misplaced: [] };
  const link = linkIn(documents);
  const links: Link[] = [link(plan, ['source'], campaign)];
  const misplaced: Misplaced[] = [];
  for (const { name, rounds } of stages) {
    let previous = plan;
    for (const { round, open, seal, commit } of rounds) {
      const isFirst = previous === plan;
      links.push(link(open, ['previous'], previous), link(open, ['base', 'commit'], isFirst ? undefined : previous));
      if (seal !== undefined) links.push(link(seal, ['open'], open));
      if (seal !== undefined && commit !== undefined) {
        links.push(link(commit, ['seal'], seal), link(commit, ['previous'], previous));
      }
      for (const holder of [open, seal, commit]) {
        const value = holder === undefined ? undefined : documents.get(holder)?.value;
        if (holder === undefined || value === undefined) continue;
        const isHere = at(value, ['stage']) === name && at(value, ['round']) === round;
        if (!isHere || at(value, ['campaign']) !== campaign.split('/')[1]) misplaced.push({ holder });
      }
      previous = commit ?? previous;
    }
  }
  return { links, misplaced };
}

const linkIn =
  (documents: Documents) =>
  (holder: string, path: readonly string[], target: string | undefined): Link => {
    const field = path.join('.');
    const isRead = documents.has(holder) && (target === undefined || documents.has(target));
    const value = at(documents.get(holder)?.value, path);
    const named = typeof value === 'string' ? value : undefined;
    const actual = target === undefined ? undefined : documents.get(target)?.sha256;
    // A holder that cannot be read proves nothing, also where it must name nothing.
    const holds =
      documents.get(holder)?.value !== undefined && named === actual && (target === undefined || named !== undefined);
    return { holder, field, target, named, actual, state: !isRead ? 'unread' : holds ? 'holds' : 'broken' };
  };

/** The value at a path, of own keys alone; null counts as none. */
const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null && Object.hasOwn(inner, part)
        ? (inner as Readonly<Record<string, unknown>>)[part]
        : undefined,
    value,
  ) ?? undefined;
