import { mapConcurrently } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Commit, commitSchema, type Open, type Seal, updateSchema } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import type { RoundContext } from './context.ts';
import { meanFigures } from './figures.ts';
import type { MergedFiles, SealEntries } from './merge-entries.ts';

const READS_AT_ONCE = 16;

/**
 * Publishes what a round's sealed updates merged to.
 *
 * @returns the round's commit, which another caller may have created
 */
export async function commitRound(
  { federationStore, now, log }: RoundContext,
  open: Open,
  seal: Document<Seal>,
  { global, state, figures }: MergedFiles & Pick<Commit, 'figures'>,
): Promise<Document<Commit>> {
  const { campaign, stage, round, updates } = seal.value;
  const at = { campaign, stage, round };
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
  });
  if (commit.created) log('round-committed', { ...at, sites: commit.value.sites, figures: commit.value.figures });
  return commit;
}

/** The mean figures of sealed updates, read from storage. */
export async function figuresOf(store: FederationStore, entries: SealEntries): Promise<Commit['figures']> {
  const documents = await mapConcurrently(entries, READS_AT_ONCE, ({ key }) => readJson(store, key, updateSchema));
  return meanFigures(documents.flatMap(({ value }) => (value.status === 'ok' ? [value] : [])));
}
