import type { Commit } from '../federation/schemas.ts';
import { significant } from './format.ts';

/** A committed round as far as validation is concerned. */
interface ValidatedRound {
  readonly round: number;
  readonly validation?: Commit['validation'];
}

/**
 * What validation has found in a stage so far: `validation loss 0.31 in round 5, lowest 0.29 in round 4; stopped early`.
 *
 * @returns undefined if the stage does not validate or no model was scored yet
 */
export function validationText(rounds: readonly ValidatedRound[]): string | undefined {
  const found = rounds.flatMap(({ validation }) => validation ?? []);
  const scored = found.findLast((one) => one.scored)?.scored;
  const best = found.at(-1)?.best;
  if (!scored || !best) return undefined;
  const stopped = found.some(({ stops }) => stops) ? '; stopped early' : '';
  const last = `validation loss ${significant(scored.loss)} in round ${scored.round}`;
  return `${last}, lowest ${significant(best.loss)} in round ${best.round}${stopped}`;
}
