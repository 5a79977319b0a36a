import { federationKeys } from '../keys.ts';
import type { Open, Stage, Update } from '../schemas.ts';
import { learns } from './plan.ts';

/**
 * Why an update cannot be merged, as far as its metadata tells; undefined where it can. What it says of itself must
 * be what its key and the round's terms say.
 *
 * @param site the site in the update's key
 */
export function updateFault(update: Update, site: string, open: Open, stage: Stage): string | undefined {
  const { campaign, round } = open;
  if (update.campaign !== campaign || update.stage !== open.stage || update.round !== round || update.site !== site) {
    const says = `${update.campaign}/${update.stage}/${update.round} of ${update.site}`;
    return `the update says that it is for ${says}, its key says otherwise`;
  }
  if (update.status === 'failed') return `${update.code}: ${update.reason}`;
  const base = open.base?.sha256 ?? null;
  if (update.base !== base) {
    return `the update started from ${update.base ?? 'no model'}, the round from ${base ?? 'no model'}`;
  }
  if (!learns(stage)) return update.weights ? `a ${stage.kind} stage has no weights to merge` : undefined;
  if (!update.weights) return 'the update has no weights';
  const { key, sha256 } = update.weights;
  const expected = federationKeys.updateWeights({ campaign, stage: open.stage, round }, site, sha256);
  return key === expected ? undefined : `the weights are at ${key}, expected at ${expected}`;
}
