import { z } from 'zod';
import { instant } from './common.ts';
import { SENT_KINDS } from './names.ts';

const sentSchema = z.strictObject({
  key: z.string(),
  kind: z.enum(SENT_KINDS),
  campaign: z.string().optional(),
  stage: z.string().optional(),
  round: z.int().optional(),
  bytes: z.int(),
  /** Undefined if no record has it and the object cannot be read. */
  sha256: z.string().optional(),
  at: instant,
  /** `record`: a record below sent/ in the site's bucket. `log`: sent.jsonl of this machine. `bucket`: the object itself. */
  known: z.array(z.enum(['record', 'log', 'bucket'])),
  /** From the log: the federation did not accept it, or the machine stopped while it was sent. */
  isUnsure: z.boolean(),
});

export const sentSchemaOfSite = z.strictObject({
  /** The newest first. */
  objects: z.array(sentSchema),
  /** Older objects that are not listed. */
  omitted: z.int(),
  totals: z.strictObject({ objects: z.int(), bytes: z.int() }),
  /** Path of sent.jsonl, if this machine has one. */
  log: z.string().optional(),
  /** Why the objects in the federation bucket were not compared. */
  notCompared: z.string().optional(),
});

export type Sent = z.infer<typeof sentSchemaOfSite>;
export type SentRow = z.infer<typeof sentSchema>;
