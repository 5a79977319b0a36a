import type { z } from 'zod';
import { collect, mapConcurrently } from '../../lib/async.ts';
import { federationKeys, type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type Federation,
  type Rejected,
  rejectedSchema,
  type Summary,
  summarySchema,
} from '../../lib/federation/schemas.ts';
import { TASKS } from '../../lib/federation/tasks.ts';
import { topologyOf } from '../../lib/federation/topology.ts';
import { canonicalJson } from '../../lib/json.ts';
import type { Queues, Stores } from '../../lib/storage/contract.ts';
import { readJson } from '../../lib/storage/documents.ts';
import type { LoadCase } from './cases.ts';

/** Intake's results in a site's bucket. */
interface SiteState {
  readonly catalog: ReadonlyMap<string, CatalogEntry>;
  readonly rejected: ReadonlyMap<string, Rejected>;
  readonly summary: Summary;
}

const READS_AT_ONCE = 16;
const QUOTED = 10;

/**
 * Checks all results of intake: every case is cataloged or rejected as expected, once; one of the cases with the same volume
 * is cataloged; there are no other entries; the summaries count exactly these; no queue or dead-letter queue holds a
 * message.
 *
 * @throws Error naming the first violations
 */
export async function checkIntake(
  { queues, ...stores }: Stores & { readonly queues: Queues },
  federation: Federation,
  cases: readonly LoadCase[],
): Promise<void> {
  const violations: string[] = [];
  for (const { id } of federation.sites) {
    const state = await siteState(stores, id);
    violations.push(
      ...siteViolations(
        id,
        cases.filter(({ site }) => site === id),
        state,
      ),
    );
  }
  for (const { name, deadLetterQueue } of topologyOf(federation).queues.filter(({ handler }) => handler === 'intake')) {
    for (const queue of [name, deadLetterQueue]) {
      const { waiting, inFlight } = await queues.depth(queue);
      if (waiting + inFlight > 0) violations.push(`${queue} still holds ${waiting} + ${inFlight} messages`);
    }
  }
  if (violations.length === 0) return;
  const more = violations.length > QUOTED ? ` … and ${violations.length - QUOTED} more` : '';
  throw new Error(`Intake failed: ${violations.slice(0, QUOTED).join('; ')}${more}`);
}

async function siteState({ federationStore, siteStore }: Stores, site: string): Promise<SiteState> {
  const store = siteStore(site);
  const all = async <S extends z.ZodType>(prefix: SiteKey, schema: S) => {
    const keys = (await collect(store.list(prefix))).map(({ key }) => key);
    return new Map(
      await mapConcurrently(
        keys,
        READS_AT_ONCE,
        async (key): Promise<[string, z.infer<S>]> => [
          key.slice(prefix.length, -'.json'.length),
          (await readJson(store, key, schema)).value,
        ],
      ),
    );
  };
  const summary = await readJson(federationStore, federationKeys.summary(site), summarySchema);
  return {
    catalog: await all(siteKeys.catalogPrefix, catalogSchema),
    rejected: await all(siteKeys.rejectedPrefix, rejectedSchema),
    summary: summary.value,
  };
}

function siteViolations(site: string, cases: readonly LoadCase[], state: SiteState): readonly string[] {
  const violations: string[] = [];
  const expect = (what: string, is: unknown, wanted: unknown) => {
    const [a, b] = [canonicalJson(is), canonicalJson(wanted)];
    if (a !== b) violations.push(`${site}: ${what} is ${a}, not ${b}`);
  };
  const { catalog, rejected, summary } = state;
  const cataloged = new Map<string, number>();
  for (const { id, content, use, labels, bad, uploads } of cases) {
    const entry = catalog.get(id);
    if (content) cataloged.set(content, (cataloged.get(content) ?? 0) + (entry ? 1 : 0));
    else expect(`${id} in the catalog`, entry !== undefined, false);
    const image = uploads.find(({ key }) => key === siteKeys.image(use, id))?.key as string;
    const rejectedKeys = new Set([...bad, ...(entry ? [] : [image])]);
    expect(
      `the rejected keys of ${id}`,
      rejected.get(id)?.objects.map(({ key }) => key) ?? [],
      [...rejectedKeys].sort(),
    );
    if (!entry) continue;
    expect(`the catalog entry of ${id}`, [entry.case, entry.use, entry.image.key], [id, use, image]);
    expect(`the labels of ${id}`, Object.keys(entry.labels).sort(), [...labels].sort());
  }
  for (const [content, count] of cataloged) expect(`the number of entries for ${content}`, count, 1);
  const known = new Set(cases.map(({ id }) => id));
  const strangers = [...catalog.keys(), ...rejected.keys()].filter((id) => !known.has(id));
  expect('the list of unknown cases', strangers, []);

  const entries = [...catalog.values()];
  const of = (wanted: string) => entries.filter(({ use }) => use === wanted);
  const count = (use: string) => Object.keys(TASKS).map((task) => of(use).filter(({ labels }) => labels[task]).length);
  const [training, evaluation] = [of('training').length, of('evaluation').length];
  expect('the summary of cases', summary.cases, { evaluation, rejected: rejected.size, training });
  expect(
    'the summary of labels',
    Object.keys(TASKS).map((task) => summary.labelled[task] ?? 0),
    count('training'),
  );
  expect(
    'the summary of held-out labels',
    Object.keys(TASKS).map((task) => summary.labelledEvaluation[task] ?? 0),
    count('evaluation'),
  );
  return violations;
}
