import type { GpuTaskContext } from '../../gpu-tasks/context.ts';
import { describeError, isFedcardioError } from '../../lib/error.ts';
import { federationSchema, mergeJobSchema } from '../../lib/federation/schemas.ts';
import { parseJson } from '../../lib/json.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';

/**
 * Closes the round that `merge` names (FEDCARDIO_MERGE, see docs/events/merge.json) as the aggregate function does: it
 * is submitted where the updates are too large for that. Writes to standard error what became of the round.
 *
 * @param federation the federation's JSON (FEDCARDIO_FEDERATION)
 * @returns the exit code: 0 settled, 1 a retry may help, 2 what is given names no round
 */
export async function runMerge(
  merge: string,
  federation: string | undefined,
  context: Pick<GpuTaskContext, 'objects' | 'now' | 'log'>,
): Promise<number> {
  const encoder = new TextEncoder();
  try {
    const at = parseJson(encoder.encode(merge), mergeJobSchema, 'FEDCARDIO_MERGE');
    const of = parseJson(encoder.encode(federation), federationSchema, 'FEDCARDIO_FEDERATION');
    const result = await closeRound({ ...context, federation: of }, at);
    context.log('merge-ended', { ...at, result });
    // Whoever else is at it may die.
    return result === 'claimed' ? 1 : 0;
  } catch (error) {
    console.error(describeError(error));
    return isFedcardioError(error, 'BAD_MESSAGE') ? 2 : 1;
  }
}
