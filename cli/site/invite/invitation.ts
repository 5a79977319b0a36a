import { z } from 'zod';
import { parseCaseKey } from '../../../lib/federation/keys.ts';
import { taskSchema } from '../../../lib/federation/schemas.ts';
import { parseJson } from '../../../lib/json.ts';
import { readInput } from '../../read-input.ts';

const link = z.url({ protocol: /^https?$/ });

/** Links with which a hospital uploads without an AWS account. Whoever has the file can use them. */
const invitationSchema = z.object({
  schema: z.literal('fedcardio.invitation/1'),
  federation: z.string(),
  site: z.string(),
  /** After which no link works. ISO 8601 in UTC. */
  expires: z.iso.datetime(),
  /** The federation's tasks, for the check before the upload. */
  tasks: z.array(taskSchema),
  files: z.array(
    z.object({
      /** Object that the link stores, such as `cases/p7/image.nii.gz`. */
      key: z.string().brand<'SiteKey'>(),
      /** The only size that the link accepts. */
      bytes: z.int().positive().optional(),
      url: link,
    }),
  ),
  /** Links that read what intake says of a case. */
  verdicts: z.record(z.string(), z.object({ catalog: link, rejected: link })),
});

export type Invitation = z.infer<typeof invitationSchema>;

/** Whether all links are for held-out cases, so that the hospital need not say so. */
export const isHeldOut = ({ files }: Invitation): boolean =>
  files.every(({ key }) => parseCaseKey(key)?.use === 'evaluation');

/** Most bytes of an invitation: 50,000 links. */
const MOST_BYTES = 100e6;

/** Reads an invitation. @throws FedcardioError that names the file if it is none */
export const readInvitation = (file: string): Invitation =>
  parseJson(readInput(file).subarray(0, MOST_BYTES), invitationSchema, file);
