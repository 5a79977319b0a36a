import { groupBy } from '../group-by.ts';
import type { PlacedFile } from './requirements.ts';

/** The heart phase that is taken by default, per cent of the RR interval: diastole, when the heart moves least. */
const DEFAULT_PHASE = 75;
/** Phases that differ by no more are one reconstruction: slabs of one scan are off by a per cent. */
const SAME_PHASE = 2;
/** How far a phase may be from the one that was asked for. */
const MAX_DISTANCE = 5;

export interface ChosenPhase {
  readonly files: readonly PlacedFile[];
  /** Per cent; undefined if the images name none. */
  readonly phase: number | undefined;
}

/**
 * The images of one heart phase, by NominalPercentageOfCardiacPhase: the phase nearest to 75 %, or the one asked for.
 * Images that name no phase are all taken.
 *
 * @param wanted per cent
 * @returns the phases that there are if none is within 5 % of the one asked for
 */
export function choosePhase(files: readonly PlacedFile[], wanted: number | undefined): ChosenPhase | readonly number[] {
  const phases = phasesOf(files);
  if (phases.length === 0) return { files, phase: undefined };
  const aim = wanted ?? DEFAULT_PHASE;
  const phase = phases.toSorted((a, b) => Math.abs(a - aim) - Math.abs(b - aim))[0] as number;
  if (wanted !== undefined && Math.abs(phase - wanted) > MAX_DISTANCE) return phases;
  if (phases.length === 1) return { files, phase };
  return {
    files: files.filter(
      ({ header }) => header.heartPhase !== undefined && nearestOf(phases, header.heartPhase) === phase,
    ),
    phase,
  };
}

/** The different phases that images name, ascending, per cent. */
export function phasesOf(files: readonly PlacedFile[]): readonly number[] {
  const named = [...groupBy(files, ({ header }) => header.heartPhase).keys()].filter((phase) => phase !== undefined);
  const kept: number[] = [];
  for (const phase of named.toSorted((a, b) => a - b)) {
    if (phase - (kept.at(-1) ?? -Infinity) > SAME_PHASE) kept.push(phase);
  }
  return kept;
}

const nearestOf = (phases: readonly number[], phase: number): number =>
  phases.toSorted((a, b) => Math.abs(a - phase) - Math.abs(b - phase))[0] as number;
