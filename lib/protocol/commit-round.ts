import { federationKeys } from '../federation/keys.ts';
import { type Commit, commitSchema, mergedSchema, type Open, type Seal } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createJson, type Document } from '../storage/documents.ts';
import type { RoundContext } from './context.ts';
import { meanFigures } from './figures.ts';
import type { MergeResult, SealEntries } from './merge-entries.ts';
import { sealedUpdates } from './sealed-updates.ts';
import { validationAfter } from './validation.ts';

/**
 * Publishes what a round's sealed updates merged to.
 *
 * @returns the round's commit, which another caller may have created
 */
export async function commitRound(
  { federationStore, now, log }: RoundContext,
  open: Open,
  seal: Document<Seal>,
  { global, state, norms, privacy, figures, opened }: MergeResult & Pick<Commit, 'figures' | 'opened'>,
): Promise<Document<Commit>> {
  const { campaign, stage, round, updates } = seal.value;
  const at = { campaign, stage, round };
  const validation = validationAfter(open, updates);
  if (global) {
    const merged = { schema: 'fedcardio.merged/1' as const, ...at, global };
    await createJson(federationStore, federationKeys.merged(at), mergedSchema, merged);
  }
  const commit = await createJson(federationStore, federationKeys.commit(at), commitSchema, {
    schema: 'fedcardio.commit/1',
    ...at,
    at: now().toISOString(),
    seal: seal.sha256,
    previous: open.previous,
    samples: updates.reduce((sum, { samples }) => sum + samples, 0),
    sites: updates.map(({ site }) => site),
    global,
    state,
    figures,
    ...(opened !== undefined && { opened }),
    ...(norms && { norms }),
    ...(validation && { validation }),
    ...(privacy && { privacy }),
  });
  if (commit.created)
    log('round-committed', { ...at, sites: commit.value.sites, figures: commit.value.figures, validation });
  return commit;
}

/**
 * The mean figures of sealed updates, read from storage. An update that is not what was sealed any more is left out: figures are
 * for people, and no site can stop a round with them.
 */
export async function figuresOf(
  store: Pick<FederationStore, 'tryGet'>,
  entries: SealEntries,
): Promise<Commit['figures']> {
  const updates = await sealedUpdates(store, entries);
  return meanFigures(updates.flatMap(({ update }) => (update?.status === 'ok' ? [update] : [])));
}
