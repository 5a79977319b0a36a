import { CASE_FOLDERS, siteKeys } from '../../lib/federation/keys.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { type CampaignFlags, placeOptions } from '../campaign.ts';
import { commandLine } from '../shell-words.ts';

/** Whether a case of this name was withdrawn from the site. */
export async function isWithdrawn(store: Pick<SiteStore, 'list'>, caseId: string): Promise<boolean> {
  const wanted = siteKeys.withdrawn(caseId);
  for await (const { key } of store.list(wanted)) if (key === wanted) return true;
  return false;
}

/** Whether the site's bucket has an object of a case of this name. */
export async function isStored(store: Pick<SiteStore, 'list'>, caseId: string): Promise<boolean> {
  for (const folder of Object.values(CASE_FOLDERS)) {
    for await (const _ of store.list(siteKeys.casePrefix(folder, `${caseId}/`))) return true;
  }
  return false;
}

/** The command that lists the cases of a site. */
export const listLine = (site: string, flags: CampaignFlags): string =>
  commandLine(['npx', 'fedcardio', 'site', 'list', site, ...placeOptions(flags)]);
