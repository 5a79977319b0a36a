import { z } from 'zod';

/** Every answer that is no success. `code` is one of FedcardioError's, or one of the API. */
export const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

export type ApiErrorBody = z.infer<typeof errorSchema>;
