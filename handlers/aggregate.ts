import { FAILED_ID, federationKeys, parseRoundKey, parseUpdateName } from '../lib/federation/keys.ts';
import { closeRound, type RoundResult } from '../lib/protocol/close-round.ts';
import type { SqsHandler } from './context.ts';
import { s3Objects } from './s3-event.ts';
import { forEachRecord } from './sqs-records.ts';

/** Updates arrived: look whether their rounds can be closed, each round once for the whole batch. */
export const aggregate: SqsHandler = (event, context) => {
  const looks = new Map<string, Promise<RoundResult>>();
  return forEachRecord(event, context, async (body, _record, own) => {
    for (const { key } of s3Objects(body)) {
      const { at, rest } = parseRoundKey(key) ?? {};
      if (!at || rest === undefined) continue;
      const update = parseUpdateName(rest);
      // A site's task says so to its own hospital; to us it says it by this update alone.
      if (update?.id === FAILED_ID) own.log('failure-received', { ...at, site: update.site });
      const round = federationKeys.round(at);
      const look = looks.get(round) ?? closeRound(own, at);
      looks.set(round, look);
      await look;
    }
  });
};
