import { FAILED_ID, federationKeys, parseUpdateKey, roundOf } from '../lib/federation/keys.ts';
import { closeRound, type RoundResult } from '../lib/protocol/close-round.ts';
import type { SqsHandler } from './context.ts';
import { forEachS3Message } from './sqs-records.ts';

/** Reconciles the rounds of the updates that arrived, or whose masks are open. Each round is reconciled once per batch. */
export const aggregate: SqsHandler = (event, context) => {
  const results = new Map<string, Promise<RoundResult>>();
  return forEachS3Message(event, context, async ({ objects }, own) => {
    for (const { key } of objects) {
      const { site, id } = parseUpdateKey(key) ?? {};
      const at = roundOf(key);
      if (!at) continue;
      // The site logged the failure in its own account; this update is the coordinator's only record of it.
      if (id === FAILED_ID) own.log('failure-received', { ...at, site });
      const round = federationKeys.round(at);
      const result = results.get(round) ?? closeRound(own, at);
      results.set(round, result);
      await result;
    }
  });
};
