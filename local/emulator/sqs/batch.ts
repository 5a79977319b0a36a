import { z } from 'zod';
import type { Json } from './action.ts';
import { SqsError } from './error.ts';

/** The entries of a batch, each with an `Id` besides what a single request has. */
export const entriesOf = <S extends z.ZodRawShape>(shape: S) => z.array(z.strictObject({ Id: z.string(), ...shape }));

/**
 * Does the entries of a batch one by one: those that fail are named and do not stop the others.
 *
 * @throws SqsError when the batch is empty, too long, or its ids are wrong
 */
export function batch<E extends { readonly Id: string }>(entries: readonly E[], run: (entry: E) => Json): Json {
  if (entries.length === 0) throw new SqsError('EmptyBatchRequest');
  if (entries.length > 10) throw new SqsError('TooManyEntriesInBatchRequest');
  if (entries.some(({ Id }) => !/^[\w-]{1,80}$/.test(Id))) throw new SqsError('InvalidBatchEntryId');
  if (new Set(entries.map(({ Id }) => Id)).size < entries.length) throw new SqsError('BatchEntryIdsNotDistinct');
  const Successful: Json[] = [];
  const Failed: Json[] = [];
  for (const entry of entries) {
    const { Id } = entry;
    try {
      Successful.push({ Id, ...run(entry) });
    } catch (error) {
      if (!(error instanceof SqsError)) throw error;
      Failed.push({ Id, Code: error.code, Message: error.message, SenderFault: true });
    }
  }
  return { Successful, ...(Failed.length > 0 ? { Failed } : {}) };
}
