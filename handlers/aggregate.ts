import { closeRound, type RoundResult } from '../lib/aggregation/close-round.ts';
import { federationKeys, parseRoundKey } from '../lib/federation/keys.ts';
import { forEachRecord } from './batch.ts';
import type { SqsHandler } from './context.ts';
import { s3Objects } from './s3-event.ts';

/** Updates arrived: look whether their rounds can be closed, each round once for the whole batch. */
export const aggregate: SqsHandler = (event, context) => {
  const looks = new Map<string, Promise<RoundResult>>();
  return forEachRecord(event, context, async (body) => {
    for (const { key } of s3Objects(body)) {
      const at = parseRoundKey(key)?.at;
      if (!at) continue;
      const round = federationKeys.round(at);
      const look = looks.get(round) ?? closeRound(context, at);
      looks.set(round, look);
      await look;
    }
  });
};
