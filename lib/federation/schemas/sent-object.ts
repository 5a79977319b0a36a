import { z } from 'zod';
import { count, sha256, time, version } from './common.ts';

/** A line of `sent.jsonl`, the log of everything that an on-premises site's machine sends to the federation. */
export const sentObjectSchema = z.strictObject({
  schema: version('sent-object'),
  at: time,
  /** The same in both lines of one object. */
  id: z.uuid(),
  /**
   * `sending`: before the first byte leaves. `stored`, `exists`, `failed`: afterwards, whether the federation has stored it,
   * had an object with this key already, or did not accept it. A `sending` alone may have been sent.
   */
  state: z.enum(['sending', 'stored', 'exists', 'failed']),
  /** Key in the federation bucket. */
  key: z.string().min(1),
  bytes: count,
  sha256,
  /** What it is, in words. */
  what: z.string().min(1),
});

/** A line of `sent.jsonl`. */
export type SentObject = z.infer<typeof sentObjectSchema>;
