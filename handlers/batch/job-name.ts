import type { RoundAddress } from '../../lib/federation/keys.ts';
import { sha256Hex } from '../../lib/json.ts';

/** Limit of AWS Batch, in characters. Letters, digits, hyphens and underscores are allowed. */
const MAX_LENGTH = 128;

/**
 * The unique name of the Batch job for a site's GPU task in a round, or for the round's merge if `site` is undefined.
 * Example: `tavi_teacher__hinge-points_0003_munich`. Ids contain no underscore, so names cannot collide. A name that is
 * too long is cut and ends in a hash of the full name.
 */
export function jobName({ campaign, stage, round }: RoundAddress, site?: string): string {
  const parts = [campaign, stage.replaceAll('/', '__'), String(round).padStart(4, '0'), ...(site ? [site] : [])];
  const name = parts.join('_');
  return name.length <= MAX_LENGTH ? name : `${name.slice(0, MAX_LENGTH - 17)}_${sha256Hex(name).slice(0, 16)}`;
}
