import { federationKeys, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Open, Seal, Update } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { type History, jsonOf } from './history.ts';

/** What validation must have found after a round. */
export interface ExpectedValidation {
  readonly best: { readonly round: number; readonly loss: number } | null;
  readonly stops: boolean;
}

/**
 * Validation of a stage by all its seals up to a round, from the updates as they were sealed: the rules of docs/method.md,
 * implemented independently of `lib/protocol`. For at most four sites, so that no site's share is limited.
 */
export function expectedValidation(history: History, stage: RoundAddress, upTo: number): ExpectedValidation {
  let best: ExpectedValidation['best'] = null;
  let since = 0;
  let stops = false;
  let before = 1;
  for (let round = 2; round <= upTo; round++) {
    const at = { ...stage, round };
    const sealed = history.at(federationKeys.seal(at));
    if (!sealed) continue;
    const { config } = jsonOf<Open>(history.at(federationKeys.open(at))!);
    const validate = 'validate' in config ? config.validate : undefined;
    if (!validate) return { best: null, stops: false };
    const loss = meanLoss(history, jsonOf<Seal>(sealed));
    if (loss !== undefined) {
      const isBest = best === null || loss < best.loss - validate.minDelta;
      since = isBest ? 0 : since + 1;
      if (isBest) best = { round: before, loss };
    }
    stops = loss !== undefined && since >= (validate.patience ?? Number.POSITIVE_INFINITY);
    before = round;
  }
  return { best, stops };
}

function meanLoss(history: History, { updates }: Seal): number | undefined {
  const reports = updates.flatMap(({ key, sha256 }) => {
    const { body } = history.versions(key).find((version) => sha256Hex(version.body) === sha256)!;
    const update = JSON.parse(body.toString()) as Update;
    return update.status === 'ok' && update.validation ? [update.validation] : [];
  });
  const sorted = reports.toSorted((a, b) => a.loss - b.loss);
  const counted = sorted.length >= 3 ? sorted.slice(1, sorted.length - 1) : sorted;
  const cases = counted.reduce((sum, report) => sum + report.cases, 0);
  return cases === 0
    ? undefined
    : counted.map((report) => (report.cases / cases) * report.loss).reduce((sum, value) => sum + value, 0);
}
