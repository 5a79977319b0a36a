import { z } from 'zod';

const key = z.string();

/** Keys of the documents of a campaign's chain. The page reads their bytes and checks them itself. */
export const chainSchema = z.strictObject({
  campaign: key,
  /** Absent for a campaign that is not planned yet. */
  plan: key.optional(),
  outcome: key.optional(),
  /** The command that checks what the page cannot: the weights. */
  verify: z.string(),
  stages: z.array(
    z.strictObject({
      name: z.string(),
      rounds: z.array(z.strictObject({ round: z.int(), open: key, seal: key.optional(), commit: key.optional() })),
    }),
  ),
});

export const documentQuerySchema = z.strictObject({ key: z.string().max(1024) });

export type Chain = z.infer<typeof chainSchema>;
