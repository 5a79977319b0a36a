import { z } from 'zod';
import { taskId } from './task.ts';

export { taskId } from './task.ts';

/** Parts of several schemas. Times are ISO 8601 in UTC, lengths mm, intensities HU. */

export const version = <N extends string>(name: N) =>
  z.literal(`fedcardio.${name}/1` as const).describe('Format and version of this file.');
export const time = z.iso.datetime();
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits');
export const count = z.int().nonnegative();
/** An id of a federation, site or campaign. It becomes a part of bucket names and keys. */
export const id = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'expected 1 to 40 of a-z, 0-9 and -, not starting or ending with -');
/** Marks the schema of stage names, so that the stages that a stage names can be found: see stages/references.ts. */
export const stageNames = z.registry<{ readonly isStageName: true }>();
export const stageName = z
  .string()
  .regex(/^[a-z0-9-]+(?:\/[a-z0-9-]+)?$/)
  .register(stageNames, { isStageName: true });
export const perTask = <T extends z.ZodType>(value: T) => z.record(taskId, value);

/** Keys as they are stored in documents; see lib/federation/keys.ts. */
export const federationKey = z.string().brand<'FederationKey'>();
export const siteKey = z.string().brand<'SiteKey'>();

/** A file of weights in the federation bucket. */
export const file = z.strictObject({ key: federationKey, sha256, bytes: count });

/** Largest validation loss that a site may report, in either direction. A loss that is larger or not finite counts as it. */
export const MAX_VALIDATION_LOSS = 1e6;

/** What a site reports of a model: its mean loss over the site's validation cases, and their number. */
export const validationReport = z.strictObject({
  loss: z.number().min(-MAX_VALIDATION_LOSS).max(MAX_VALIDATION_LOSS),
  cases: z.int().positive(),
});

/** Figures such as the loss, by name. */
export const figures = z.record(z.string(), z.number());
