import { federationKeys, type RoundAddress } from '../../federation/keys.ts';
import {
  type Open,
  type Opened,
  openedSchema,
  type Seal,
  type Survivors,
  survivorsSchema,
} from '../../federation/schemas.ts';
import type { FederationStore } from '../../storage/contract.ts';
import { createJson, type Document, tryReadJson } from '../../storage/documents.ts';
import type { StoreContext } from '../context.ts';
import { mutable } from './mutable.ts';
import { cohortOf, listOf } from './round.ts';
import { waitOf } from './wait.ts';

/** What the opened shares gave; undefined while sites still have to open theirs. */
export const readOpened = (
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  at: RoundAddress,
): Promise<Document<Opened> | undefined> => tryReadJson(store, federationKeys.opened(at), openedSchema);

/** Tells the sites which updates a sealed round adds up. */
export async function publishSurvivors(
  context: Pick<StoreContext, 'federationStore' | 'now'>,
  { campaign, stage, round, config, ...open }: Open,
  { updates }: Seal,
): Promise<Document<Survivors>> {
  const at = { campaign, stage, round };
  const key = federationKeys.survivors(at);
  const existing = await tryReadJson(context.federationStore, key, survivorsSchema);
  if (existing) return existing;
  const cohort = await cohortOf(context.federationStore, { ...at, ...open });
  return createJson(context.federationStore, key, survivorsSchema, {
    schema: 'fedcardio.survivors/1',
    ...at,
    ...waitOf(context, config),
    list: mutable(listOf(cohort, round, updates)),
  });
}
