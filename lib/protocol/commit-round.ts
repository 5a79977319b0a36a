import { mapConcurrently } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { type Commit, commitSchema, type Seal, updateSchema } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { createJson, type Document, readJson } from '../storage/documents.ts';
import type { RoundTerms } from './answers.ts';
import { meanFigures } from './figures.ts';
import type { MergedFiles, SealEntries } from './merge-entries.ts';
import type { RoundContext } from './round-context.ts';

const READS_AT_ONCE = 16;

/**
 * Publishes what a round's sealed updates have been merged to.
 *
 * @returns the round's commit, of whoever was first
 */
export async function commitRound(
  { objects, now, log }: RoundContext,
  { bucket, open }: RoundTerms,
  seal: Document<Seal>,
  { global, state, figures }: MergedFiles & Pick<Commit, 'figures'>,
): Promise<Document<Commit>> {
  const { campaign, stage, round, updates } = seal.value;
  const at = { campaign, stage, round };
  const commit = await createJson(objects, bucket, federationKeys.commit(at), commitSchema, {
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

/** The figures of sealed updates, read again. */
export async function figuresOf(objects: Objects, bucket: string, entries: SealEntries): Promise<Commit['figures']> {
  const documents = await mapConcurrently(entries, READS_AT_ONCE, ({ key }) =>
    readJson(objects, bucket, key, updateSchema),
  );
  return meanFigures(documents.flatMap(({ value }) => (value.status === 'ok' ? [value] : [])));
}
