import type { RoundAddress } from '../../lib/federation/keys.ts';
import { sha256Hex } from '../../lib/json.ts';

/** The longest name that AWS Batch takes, in letters, digits, hyphens and underscores. */
const LENGTH = 128;

/**
 * The name of the Batch job of a round's task at a site or, without a site, of its merge. Ids hold no underscore, so
 * that no two pieces of work share a name: `tavi_teacher__hinge-points_0003_munich`. A name that had to be cut ends in
 * a hash of the whole.
 */
export function jobName({ campaign, stage, round }: RoundAddress, site?: string): string {
  const parts = [campaign, stage.replaceAll('/', '__'), String(round).padStart(4, '0'), ...(site ? [site] : [])];
  const name = parts.join('_');
  return name.length <= LENGTH ? name : `${name.slice(0, LENGTH - 17)}_${sha256Hex(name).slice(0, 16)}`;
}
