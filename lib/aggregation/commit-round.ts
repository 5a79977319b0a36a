import { federationKeys } from '../federation/keys.ts';
import type { RoundTerms } from '../federation/protocol/answers.ts';
import { mapConcurrently } from '../federation/protocol/async.ts';
import { createJson, type Document, readJson } from '../federation/protocol/documents.ts';
import { type Commit, commitSchema, type Seal, updateSchema } from '../federation/schemas.ts';
import { meanFigures } from './figures.ts';
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
  global: Commit['global'],
): Promise<Document<Commit>> {
  const { campaign, stage, round, updates } = seal.value;
  const at = { campaign, stage, round };
  const documents = await mapConcurrently(updates, READS_AT_ONCE, ({ key }) =>
    readJson(objects, bucket, key, updateSchema),
  );
  const commit = await createJson(objects, bucket, federationKeys.commit(at), commitSchema, {
    schema: 'fedcardio.commit/1',
    ...at,
    at: now().toISOString(),
    seal: seal.sha256,
    previous: open.previous,
    samples: updates.reduce((sum, { samples }) => sum + samples, 0),
    sites: updates.map(({ site }) => site),
    global,
    figures: meanFigures(documents.flatMap(({ value }) => (value.status === 'ok' ? [value] : []))),
  });
  if (commit.created) log('round-committed', { ...at, sites: commit.value.sites, figures: commit.value.figures });
  return commit;
}
