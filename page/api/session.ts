import { z } from 'zod';
import { ROLES } from './routes.ts';

const site = z.strictObject({ id: z.string(), name: z.string() });

export const sessionSchema = z.strictObject({
  role: z.enum(ROLES),
  /** Whose page it is; only with the role `site`. */
  site: site.optional(),
  federation: z.strictObject({
    id: z.string(),
    /** Those of federation.json, otherwise those that have sent counts. Empty for a viewer who may read neither. */
    sites: z.array(site),
  }),
  /** Release of fedcardio that serves the page. */
  version: z.string(),
  /** What the page offers beside reading. A request can still be denied by the storage. */
  may: z.strictObject({ control: z.boolean() }),
});

export type Session = z.infer<typeof sessionSchema>;
