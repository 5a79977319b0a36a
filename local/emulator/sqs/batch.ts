import { z } from 'zod';
import type { Json } from './action.ts';
import { SqsError } from './error.ts';

/** Schema of batch entries: those of a single request and an `Id`. */
export const entriesOf = <S extends z.ZodRawShape>(shape: S) => z.array(z.strictObject({ Id: z.string(), ...shape }));

/**
 * Handles the entries of a batch one by one. A failed entry is reported and does not stop the others.
 *
 * @throws SqsError if the batch is empty or too long, or an id is invalid
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
