import { readSummaries } from '../../../lib/storage/summaries.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import { VERSION } from '../../../lib/version.ts';
import type { PageContext } from '../context.ts';
import type { Handler } from '../handler.ts';

/** Who looks at what, and what the viewer may do. */
export const session: Handler<'session'> = async (context) => {
  const { role, site, federation } = context;
  const sites = await sitesOf(context);
  const nameOf = (id: string) => sites.find((one) => one.id === id)?.name ?? id;
  return {
    role,
    ...(site !== undefined && { site: { id: site, name: nameOf(site) } }),
    federation: { id: federation.id, sites: [...sites] },
    version: VERSION,
    may: { control: role === 'coordinator' },
  };
};

/** The sites of federation.json, otherwise those that have sent counts, otherwise the viewer's own. */
async function sitesOf({ declared, role, site, reader }: PageContext) {
  if (declared) return declared.sites.map(({ id, name }) => ({ id, name }));
  if (role === 'site') return site === undefined ? [] : [{ id: site, name: site }];
  try {
    const { counts } = await readSummaries(reader);
    return [...counts.keys()].map((id) => ({ id, name: id }));
  } catch (error) {
    // Without this right, the page still opens; its screens say what they may not read.
    if (unreadableOf(error)) return [];
    throw error;
  }
}
