import { federationKeys } from '../federation/keys.ts';
import type { Open, RoundPrivacy, Update, UpdatePrivacy } from '../federation/schemas.ts';
import { shareOfNoise } from '../privacy/distributed-noise.ts';
import type { AnswerKey } from './answer-keys.ts';
import { learns, trains } from './plan.ts';

/**
 * Why an update cannot be merged, judged by its metadata and the listing; undefined if it can. Its metadata must agree with
 * its key and the round's terms.
 */
export function updateFault(
  update: Update,
  open: Open,
  { site, weightsBytes }: Pick<AnswerKey, 'site' | 'weightsBytes'>,
): string | undefined {
  const { campaign, stage, round, config } = open;
  if (!open.participants.some((participant) => participant.site === site)) return `${site} takes no part in this round`;
  if (update.campaign !== campaign || update.stage !== stage || update.round !== round || update.site !== site) {
    const address = `${update.campaign}/${update.stage}/${update.round} of ${update.site}`;
    return `the update says that it is for ${address}, its key says otherwise`;
  }
  if (update.status === 'failed') return `${update.code}: ${update.reason}`;
  const base = open.base?.sha256 ?? null;
  if (update.base !== base) {
    return `the update started from ${update.base ?? 'no model'}, the round from ${base ?? 'no model'}`;
  }
  if (!trains(config, round)) {
    const when = learns(config) ? ' in its last round' : '';
    return update.weights ? `stage ${stage} merges no weights${when}` : undefined;
  }
  if (!update.weights) return 'the update has no weights';
  if (open.secure && !update.secure) return 'the update is not masked';
  if (!open.secure && update.secure) return 'the update is masked, plain weights were asked for';
  const { key, sha256, bytes, delta } = update.weights;
  const expected = federationKeys.updateWeights(open, site, sha256);
  if (key !== expected) return `the weights are at ${key}, expected at ${expected}`;
  if (weightsBytes !== bytes) return `the weights have ${weightsBytes ?? 'no'} bytes, their metadata says ${bytes}`;
  const { maxUpdateBytes } = config.aggregation;
  if (bytes > maxUpdateBytes) return `the weights have ${bytes} bytes, ${maxUpdateBytes} are allowed (maxUpdateBytes)`;
  if (delta !== sendsDelta(open)) {
    return delta
      ? 'the update holds a difference, whole weights were asked for'
      : 'the update holds whole weights, a difference was asked for';
  }
  const { dpSgd } = config.training;
  if ((update.dpSgd?.noiseMultiplier ?? 0) !== (dpSgd?.noiseMultiplier ?? 0) || update.dpSgd?.clip !== dpSgd?.clip)
    return `the update was ${update.dpSgd ? '' : 'not '}trained with DP-SGD, and the stage asks for something else`;
  return privacyFault(update.privacy, open.privacy, open.secure?.threshold);
}

/** Why an update does not keep to the privacy of its round: a site of a release without it would add no noise. */
function privacyFault(
  sent: UpdatePrivacy | undefined,
  terms: RoundPrivacy | undefined,
  threshold = 2,
): string | undefined {
  if (!terms) return sent ? 'the update was made private, the round is not' : undefined;
  if (sent?.clip !== terms.clip) return `the update was not clipped to ${terms.clip}`;
  const noise = { central: 0, local: terms.noiseMultiplier, distributed: shareOfNoise(terms, threshold) }[terms.noise];
  if (sent.noiseMultiplier !== noise)
    return `the update has noise of ${sent.noiseMultiplier} times the clip, not ${noise}`;
  const counts = terms.countSigma !== undefined;
  if ((sent.clipped !== undefined) === counts) return undefined;
  return counts ? 'the update does not say whether it was clipped' : 'the update must not say whether it was clipped';
}

/** Whether a round's updates hold differences from the base. Without a base they hold whole weights, unless they are masked. */
export const sendsDelta = ({ base, config, secure }: Pick<Open, 'base' | 'config' | 'secure'>): boolean =>
  secure !== undefined || (base !== null && learns(config) && config.encoding.delta);
