import { z } from 'zod';
import { federationSchema } from './schemas.ts';

/** The JSON Schema of federation.json, for editors. What spans several values, such as ids used twice, is checked by zod alone. */
export const federationJsonSchema = (): object => ({
  title: 'fedcardio federation',
  ...z.toJSONSchema(federationSchema, { io: 'input' }),
});
