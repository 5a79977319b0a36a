import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { federationKeys, type RoundAddress, siteKeys } from '../../lib/federation/keys.ts';
import { updateSchema } from '../../lib/federation/schemas.ts';
import { calcium, hingeMap, hingeMarkups, image, PNG, testSite } from '../../lib/intake/testing.ts';
import { sha256Hex } from '../../lib/json.ts';
import type { OpenBucket } from '../../lib/storage/contract.ts';
import { createMemoryStorage } from '../../lib/storage/testing-objects.ts';
import { startTestPage } from './page-server.ts';

/** The campaign of docs/events/plan.json. */
export const CAMPAIGN = 'tavi-1';
const PLAN = readFileSync(join(import.meta.dirname, '../../docs/events/plan.json'));
const ROUND: RoundAddress = { campaign: CAMPAIGN, stage: 'teacher/hinge-points', round: 1 };
const WEIGHTS = Buffer.from('weights');

/**
 * The page of site `berlin` of federation `tavi`. It has an accepted case `p1` with labels, a rejected `p2`, a held-out `p3`
 * whose landmarks are points, and `p4`, which intake has not seen; it has answered a round. So has `munich`.
 *
 * @param folder of the machine: log and pseudonyms
 * @param seenByPage what the page sees of the buckets
 */
export async function hospitalPage(folder: string, seenByPage = (openBucket: OpenBucket) => openBucket) {
  const openBucket = createMemoryStorage();
  const site = testSite(openBucket);
  await site.put('cases/p1/image.nii.gz', image(1));
  await site.put('cases/p1/labels/hinge-points.nii.gz', hingeMap());
  await site.put('cases/p1/labels/calcification.nii.gz', calcium());
  await site.put('cases/p2/image.nii.gz', PNG);
  await site.put('held-out/p3/image.nii.gz', image(3));
  await site.put('held-out/p3/labels/hinge-points.mrk.json', hingeMarkups());
  for (const id of ['p1', 'p2', 'p3']) await site.reconcile(id);
  await site.summarize();
  await site.put('cases/p4/image.nii.gz', image(4));
  const { federationStore } = site;
  await federationStore.put(federationKeys.plan(CAMPAIGN), PLAN);
  const sha256 = sha256Hex(WEIGHTS);
  for (const id of ['berlin', 'munich']) {
    const update = updateSchema.parse({
      ...{ schema: 'fedcardio.update/1', ...ROUND, site: id, at: '2026-03-02T09:31:02.000Z', status: 'ok' },
      ...{ samples: 1, weights: null, base: null, figures: {}, seconds: 1 },
    });
    await federationStore.put(federationKeys.updateWeights(ROUND, id, sha256), WEIGHTS);
    await federationStore.put(federationKeys.update(ROUND, id, sha256), JSON.stringify(update));
  }
  const weights = { key: federationKeys.updateWeights(ROUND, 'berlin', sha256), sha256, bytes: WEIGHTS.length };
  const sent = {
    ...{
      schema: 'fedcardio.sent-by-site/1',
      site: 'berlin',
      ...ROUND,
      at: '2026-03-02T09:31:02.000Z',
      kind: 'teacher',
    },
    ...{ weights, update: { key: federationKeys.update(ROUND, 'berlin', sha256), bytes: 300 }, samples: 1, scores: 0 },
  };
  await site.put(siteKeys.sent(ROUND), JSON.stringify(sent));
  const machine = { sentLog: join(folder, 'sent.jsonl'), pseudonyms: join(folder, 'pseudonyms') };
  const server = await startTestPage({ openBucket: seenByPage(openBucket), id: 'tavi', site: 'berlin', machine });
  return { site, server, openBucket, machine, sha256 };
}
