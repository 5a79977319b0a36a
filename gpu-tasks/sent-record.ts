import { siteKeys } from '../lib/federation/keys.ts';
import { type GpuTaskMessage, type SentBySite, sentBySiteSchema } from '../lib/federation/schemas.ts';
import { writeDocument } from '../lib/storage/documents.ts';
import type { GpuTaskContext } from './context.ts';

/** What leaves the site, as its record says it. */
type Sent = Pick<SentBySite, 'weights' | 'update' | 'samples' | 'failure'> & { readonly scores?: number };

/** Records in the site's own bucket what is about to leave it, so that nothing leaves which the site cannot list. */
export async function recordSent(
  { siteStore, now }: Pick<GpuTaskContext, 'siteStore' | 'now'>,
  { campaign, stage, round, site, config }: GpuTaskMessage,
  { scores = 0, ...sent }: Sent,
): Promise<void> {
  const at = { campaign, stage, round };
  const record: SentBySite = {
    schema: 'fedcardio.sent-by-site/1',
    site,
    ...at,
    at: now().toISOString(),
    kind: config.kind,
    ...sent,
    scores,
  };
  await writeDocument(siteStore(site), siteKeys.sent(at), sentBySiteSchema, record);
}
