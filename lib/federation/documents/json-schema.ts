import { z } from 'zod';
import { campaignSchema, federationSchema } from '../schemas.ts';

/**
 * JSON Schemas of the files that people write, for editors. Rules that span several values, such as an id that is used
 * twice, are not in them: only zod checks those.
 */
export const federationJsonSchema = (): object => ({
  title: 'fedcardio federation',
  ...z.toJSONSchema(federationSchema, { io: 'input' }),
});

/** Parts that occur several times are `$defs`: without them, the file would be five times as large. */
export const campaignJsonSchema = (): object => ({
  title: 'fedcardio campaign',
  ...z.toJSONSchema(campaignSchema, { io: 'input', reused: 'ref' }),
});
