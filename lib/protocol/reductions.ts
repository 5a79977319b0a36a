import { lateFactorOf, shareFactorOf, weightsOf } from '../aggregation/shares.ts';
import type { Commit, Open, Seal } from '../federation/schemas.ts';
import { trains } from './plan.ts';

/** The merged updates that counted less than what their sites sent. */
export interface Reductions {
  /** Updates whose difference was scaled down because its norm was too large; see `norms` of the commit. */
  readonly clipped: readonly NonNullable<Commit['norms']>[number][];
  /** Updates that count as fewer cases than their sites claim: in parts of the model that every merged update trained. */
  readonly limited: readonly { readonly site: string; readonly samples: number; readonly counted: number }[];
}

export function reductionsOf({ config, round }: Open, { updates, late = [] }: Seal, { norms }: Commit): Reductions {
  const clipped = norms?.filter(({ factor }) => factor < 1) ?? [];
  if (!trains(config, round)) return { clipped, limited: [] };
  const factor = lateFactorOf(config.aggregation) ?? 1;
  const counts = [...updates.map(({ samples }) => samples), ...late.map(({ samples }) => factor * samples)];
  const weights = weightsOf(counts, shareFactorOf(config.aggregation));
  const limited = updates.flatMap(({ site, samples }, index) => {
    const counted = weights[index] as number;
    return counted < samples ? [{ site, samples, counted }] : [];
  });
  return { clipped, limited };
}
