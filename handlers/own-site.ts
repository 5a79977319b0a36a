import { FedcardioError } from '../lib/error.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';

/** @throws FedcardioError BAD_MESSAGE if a GPU task that was sent to a site is another site's */
export function requireOwnSite(message: GpuTaskMessage, site: string): void {
  if (message.site === site) return;
  throw new FedcardioError(
    'BAD_MESSAGE',
    `A GPU task for site "${message.site}" was sent to the queue of site "${site}".`,
    { hint: 'Check who may send to this queue, and FEDCARDIO_SITE.' },
  );
}
