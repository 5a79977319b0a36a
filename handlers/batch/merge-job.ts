import { describeError, isFedcardioError, isOutage } from '../../lib/error.ts';
import { EXIT } from '../../lib/federation/exit-codes.ts';
import { federationSchema, mergeJobSchema } from '../../lib/federation/schemas.ts';
import { parseDocument } from '../../lib/json.ts';
import { closeRound } from '../../lib/protocol/close-round.ts';
import type { RoundContext } from '../../lib/protocol/context.ts';
import type { OpenBucket } from '../../lib/storage/contract.ts';
import { storesOf } from '../../lib/storage/stores.ts';

/**
 * Closes the round that `merge` names (FEDCARDIO_MERGE, see docs/events/merge.json), as the aggregate function does for
 * smaller updates. Writes the result to standard error.
 *
 * @param federation the federation's JSON (FEDCARDIO_FEDERATION)
 * @returns the exit code: 0 if the round is closed or not due, or one of {@link EXIT}
 */
export async function runMergeJob(
  merge: string,
  federation: string | undefined,
  context: Pick<RoundContext, 'now' | 'log'> & { readonly openBucket: OpenBucket },
): Promise<number> {
  const encoder = new TextEncoder();
  try {
    const at = parseDocument(encoder.encode(merge), mergeJobSchema, 'FEDCARDIO_MERGE');
    const parsedFederation = parseDocument(encoder.encode(federation), federationSchema, 'FEDCARDIO_FEDERATION');
    const { federationStore } = storesOf(context.openBucket, parsedFederation.id);
    const result = await closeRound({ ...context, federation: parsedFederation, federationStore }, at);
    context.log('merge-ended', { ...at, result });
    // A retry takes over if the caller that claimed the round crashes.
    return result === 'claimed' ? EXIT.retry : 0;
  } catch (error) {
    console.error(describeError(error));
    if (isOutage(error)) return EXIT.outage;
    return isFedcardioError(error, 'BAD_MESSAGE') ? EXIT.badMessage : EXIT.retry;
  }
}
