import type { CaseUse } from '../federation/keys.ts';
import { decodeSketch, type SketchNode } from './sketch.ts';

/**
 * Two sketches are of one scan if they share this many nodes at least, and the means of this share of them differ by this
 * many HU at most. Measured: docs/decisions/031.
 */
const LEAST_NODES = 16;
const LEAST_SHARE = 0.6;
const TOLERANCE_HU = 12;

/** A training case and a held-out case whose CTs look like parts of one scan. */
export interface SuspectedPair {
  readonly training: string;
  readonly heldOut: string;
}

interface SketchedCase {
  readonly case: string;
  readonly use: CaseUse;
  /** Of {@link createSketcher}. A case without one is in no pair. */
  readonly sketch: string | undefined;
}

/** Finds pairs of a training CT and a held-out CT that may be crops or resamplings of one scan. */
export interface PairFinder {
  /** The pairs among these cases, by their names. Compares only cases that were not among those of the last call. */
  find(cases: readonly SketchedCase[]): readonly SuspectedPair[];
}

export function createPairFinder(): PairFinder {
  const known = new Map<string, SketchedCase>();
  const indices = { training: createIndex(), evaluation: createIndex() };
  /** The cases of the other use that a case looks like, for cases of both uses. */
  const similar = new Map<string, Set<string>>();

  const remove = ({ case: id, use }: SketchedCase) => {
    known.delete(id);
    indices[use].delete(id);
    for (const other of similar.get(id) ?? []) similar.get(other)?.delete(id);
    similar.delete(id);
  };
  const add = (one: SketchedCase) => {
    known.set(one.case, one);
    if (one.sketch === undefined) return;
    indices[one.use].set(one.case, one.sketch);
    const others = indices[one.use === 'training' ? 'evaluation' : 'training'].similarTo(one.sketch);
    similar.set(one.case, new Set(others));
    for (const other of others) similar.get(other)?.add(one.case);
  };
  return {
    find(cases) {
      const wanted = new Map(cases.map((one) => [one.case, one]));
      for (const one of [...known.values()]) if (!isSame(one, wanted.get(one.case))) remove(one);
      for (const one of wanted.values()) if (!known.has(one.case)) add(one);
      return [...similar.keys()]
        .filter((id) => known.get(id)?.use === 'training')
        .sort()
        .flatMap((training) => [...(similar.get(training) ?? [])].sort().map((heldOut) => ({ training, heldOut })));
    },
  };
}

const isSame = (one: SketchedCase, other: SketchedCase | undefined): boolean =>
  one.sketch === other?.sketch && one.use === other?.use;

/**
 * Sketches, found by the HU that they have at one place: only those that share enough of them with another are compared.
 * Holds 8 bytes a node.
 */
function createIndex() {
  const slots = new Map<string, { readonly slot: number; readonly sketch: string }>();
  const cases: (string | undefined)[] = [];
  const free: number[] = [];
  const slotsByNode = new Map<number, number[]>();
  const nodeKeys = (sketch: string) => decodeSketch(sketch).map((node) => keyOf(node, 0));

  return {
    set(id: string, sketch: string) {
      const slot = free.pop() ?? cases.length;
      cases[slot] = id;
      slots.set(id, { slot, sketch });
      for (const key of nodeKeys(sketch)) {
        const found = slotsByNode.get(key);
        if (found) found.push(slot);
        else slotsByNode.set(key, [slot]);
      }
    },
    delete(id: string) {
      const known = slots.get(id);
      if (!known) return;
      for (const key of nodeKeys(known.sketch)) {
        const left = slotsByNode.get(key)?.filter((slot) => slot !== known.slot) ?? [];
        if (left.length > 0) slotsByNode.set(key, left);
        else slotsByNode.delete(key);
      }
      cases[known.slot] = undefined;
      free.push(known.slot);
      slots.delete(id);
    },
    similarTo(sketch: string): readonly string[] {
      const nodes = decodeSketch(sketch);
      const votes = new Uint16Array(cases.length);
      for (const node of nodes) {
        for (const step of [-1, 0, 1]) for (const slot of slotsByNode.get(keyOf(node, step)) ?? []) votes[slot]! += 1;
      }
      return cases.filter((id, slot): id is string => {
        if (id === undefined || (votes[slot] as number) < LEAST_NODES * LEAST_SHARE) return false;
        return isSameScan(nodes, decodeSketch(slots.get(id)?.sketch ?? ''));
      });
    },
  };
}

/** Whether two sketches agree where both have nodes. */
export function isSameScan(a: readonly SketchNode[], b: readonly SketchNode[]): boolean {
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
