import { decodeSketch, type SketchNode } from './sketch.ts';

/**
 * Two sketches are of one scan if they share this many nodes at least, and the means of this share of them differ by this
 * many HU at most. Measured: docs/decisions/031.
 */
const LEAST_NODES = 16;
const LEAST_SHARE = 0.6;
const TOLERANCE_HU = 12;

export interface SketchedCase {
  readonly case: string;
  readonly sketch: string;
}

/** A training case and a held-out case whose CTs look like parts of one scan. */
export interface SuspectedPair {
  readonly training: string;
  readonly heldOut: string;
}

/**
 * The pairs of a training CT and a held-out CT that may be crops or resamplings of one scan. Nodes with similar HU at one
 * place are looked up in an index, so that only cases with several of them are compared.
 */
export function suspectedPairs(
  training: readonly SketchedCase[],
  heldOut: readonly SketchedCase[],
): readonly SuspectedPair[] {
  const others = heldOut.map(({ sketch }) => decodeSketch(sketch));
  const index = new Map<number, number[]>();
  for (const [i, nodes] of others.entries()) {
    for (const node of nodes) {
      const key = keyOf(node, 0);
      const found = index.get(key);
      if (found) found.push(i);
      else index.set(key, [i]);
    }
  }
  return training.flatMap(({ case: id, sketch }) => {
    const nodes = decodeSketch(sketch);
    const votes = new Uint16Array(others.length);
    for (const node of nodes) {
      for (const step of [-1, 0, 1]) for (const i of index.get(keyOf(node, step)) ?? []) votes[i]! += 1;
    }
    return heldOut.flatMap((other, i) =>
      (votes[i] as number) >= LEAST_NODES * LEAST_SHARE && isSameScan(nodes, others[i] as readonly SketchNode[])
        ? [{ training: id, heldOut: other.case }]
        : [],
    );
  });
}

/** Finds pairs among cases that come and go. */
export interface PairFinder {
  /** The same pairs as {@link suspectedPairs}, in the same order. Only cases that are new since the last call are compared. */
  find(training: readonly SketchedCase[], heldOut: readonly SketchedCase[]): readonly SuspectedPair[];
}

export function createPairFinder(): PairFinder {
  /** Sketches at the last call, by case. */
  let known = { training: new Map<string, string>(), heldOut: new Map<string, string>() };
  /** Held-out cases by training case. */
  let found = new Map<string, Set<string>>();

  return {
    find(training, heldOut) {
      const isKnown = (use: keyof typeof known) => (one: SketchedCase) => known[use].get(one.case) === one.sketch;
      const [newTraining, oldTraining] = split(training, isKnown('training'));
      const [newHeldOut, oldHeldOut] = split(heldOut, isKnown('heldOut'));
      const kept = new Set(oldHeldOut.map((one) => one.case));
      const pairs = new Map<string, Set<string>>();
      const add = (id: string, other: string) => pairs.set(id, (pairs.get(id) ?? new Set()).add(other));
      for (const { case: id } of oldTraining)
        for (const other of found.get(id) ?? []) if (kept.has(other)) add(id, other);
      const compared = [
        ...(newTraining.length > 0 ? suspectedPairs(newTraining, heldOut) : []),
        ...(newHeldOut.length > 0 ? suspectedPairs(oldTraining, newHeldOut) : []),
      ];
      for (const pair of compared) add(pair.training, pair.heldOut);
      known = { training: sketches(training), heldOut: sketches(heldOut) };
      found = pairs;
      return training.flatMap(({ case: id }) => {
        const others = pairs.get(id);
        if (!others) return [];
        return heldOut.flatMap((other) => (others.has(other.case) ? [{ training: id, heldOut: other.case }] : []));
      });
    },
  };
}

const sketches = (cases: readonly SketchedCase[]): Map<string, string> =>
  new Map(cases.map((one) => [one.case, one.sketch]));

/** Cases that are not known, and those that are. */
const split = (cases: readonly SketchedCase[], isKnown: (one: SketchedCase) => boolean) =>
  [cases.filter((one) => !isKnown(one)), cases.filter(isKnown)] as const;

/** Whether two sketches agree where both have nodes. */
function isSameScan(a: readonly SketchNode[], b: readonly SketchNode[]): boolean {
  const known = new Map(a.map(({ at, hu }) => [at.join(), hu]));
  const differences = b.flatMap(({ at, hu }) => {
    const other = known.get(at.join());
    return other === undefined ? [] : [Math.abs(hu - other)];
  });
  const close = differences.filter((difference) => difference <= TOLERANCE_HU).length;
  return differences.length >= LEAST_NODES && close >= LEAST_SHARE * differences.length;
}

/**
 * A node's place and HU in steps of the tolerance, `step` steps away, as one number: positions repeat after 64
 * nodes (77 cm), which only costs comparisons.
 */
function keyOf({ at: [x, y, z], hu }: SketchNode, step: number): number {
  return ((Math.floor(hu / TOLERANCE_HU) + step + 128) << 18) | ((x & 63) << 12) | ((y & 63) << 6) | (z & 63);
}
