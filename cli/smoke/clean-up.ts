import { mapConcurrently } from '../../lib/async.ts';
import { isFedcardioError } from '../../lib/error.ts';
import { federationKeys, type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { withdraw } from '../../lib/intake/withdraw.ts';
import { cancelCampaign } from '../../lib/protocol/control.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import type { SmokeTest } from './run-smoke.ts';
import type { Steps } from './steps.ts';

/** Ends the campaign if it still runs, and takes every site's case back: for good if the identity may. */
export async function cleanUp(test: Omit<SmokeTest, 'signal'>, steps: Steps): Promise<void> {
  const { id, federation, stores } = test;
  await steps.run({ step: 'campaign ended' }, async () => {
    if (!(await stores.research.head(federationKeys.campaign(id)))) return [true, 'it was never started'] as const;
    const now = () => new Date();
    const context = { federation: { schema: 'fedcardio.federation/1' as const, id: federation, sites: [] } };
    const outcome = await cancelCampaign(
      { ...context, federationStore: stores.research, now, log: () => undefined },
      id,
      'The smoke test was cleaned up before its end.',
    );
    return [true, outcome.status] as const;
  });
  await mapConcurrently(test.sites, test.sites.length, (site) =>
    steps.run({ site, step: 'case withdrawn' }, () => takeBack(test, site)),
  );
}

async function takeBack({ id, stores }: Omit<SmokeTest, 'signal'>, site: string): Promise<readonly [true, string]> {
  const folder = siteKeys.casePrefix('cases', `${id}/`);
  const isUploaded = async () => {
    for await (const _ of stores.upload(site).list(folder)) return true;
    return false;
  };
  if (!(await isUploaded())) return [true, 'nothing was uploaded'];
  try {
    const { store, federationStore } = stores.withdraw(site);
    const tasks = await readTasks({ federation: {}, federationStore });
    const context = { store, site, tasks, now: () => new Date(), newId: undefined };
    const { kept } = await withdraw(context, federationStore, { caseId: id });
    return [true, kept.length === 0 ? 'deleted with all versions' : `hidden; ${kept.length} objects are locked`];
  } catch (error) {
    if (!isFedcardioError(error, 'STORAGE')) throw error;
    await hide(stores.upload(site), folder);
    return [true, 'hidden; its versions stay, since the withdraw role cannot be used'];
  }
}

async function hide(store: ReturnType<SmokeTest['stores']['upload']>, folder: SiteKey): Promise<void> {
  for await (const { key } of store.list(folder)) await store.delete(key);
}
