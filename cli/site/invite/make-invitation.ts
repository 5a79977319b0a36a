import { mapConcurrently } from '../../../lib/async.ts';
import type { LinkSigner } from '../../../lib/aws/links.ts';
import { parseCaseKey, siteKeys } from '../../../lib/federation/keys.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import type { Invitation } from './invitation.ts';
import type { InvitedFile } from './invited-files.ts';

export interface InvitationTerms {
  readonly federation: string;
  readonly site: string;
  readonly tasks: readonly Task[];
  readonly expires: Date;
}

const SIGNED_AT_ONCE = 16;

/** Signs a link for each file, and links that read what intake says of each case. */
export async function makeInvitation(
  signer: LinkSigner,
  files: readonly InvitedFile[],
  { federation, site, tasks, expires }: InvitationTerms,
): Promise<Invitation> {
  const cases = [...new Set(files.map(({ key }) => parseCaseKey(key)?.caseId ?? ''))];
  return {
    schema: 'fedcardio.invitation/1',
    federation,
    site,
    expires: expires.toISOString(),
    tasks: [...tasks],
    files: [
      ...(await mapConcurrently(files, SIGNED_AT_ONCE, async ({ key, bytes }) => ({
        key,
        ...(bytes === undefined ? {} : { bytes }),
        url: await signer.upload(key, bytes),
      }))),
    ],
    verdicts: Object.fromEntries(
      await mapConcurrently(cases, SIGNED_AT_ONCE, async (id) => [
        id,
        { catalog: await signer.read(siteKeys.catalog(id)), rejected: await signer.read(siteKeys.rejected(id)) },
      ]),
    ),
  };
}
