import { expect, test } from 'vitest';
import { names } from '../../../lib/federation/topology.ts';
import { createMemoryStorage } from '../../../lib/storage/testing-objects.ts';
import { campaignSchema } from '../../../page/api/campaign.ts';
import { campaignDocuments } from '../../../test/helpers/campaign-documents.ts';
import { generatedFederation, putAll } from '../../../test/helpers/documents.ts';
import { createPageContext } from '../context.ts';
import { campaign } from '../handlers/campaign.ts';

const ROUNDS = 5;

async function look(sites = 20) {
  const openBucket = createMemoryStorage();
  const declared = generatedFederation(sites);
  const ids = declared.sites.map(({ id }) => id);
  await putAll(
    openBucket(names.federationBucket('fedcardio')),
    campaignDocuments({ id: 'tavi', sites: ids, rounds: ROUNDS }),
  );
  const context = createPageContext({ openBucket, id: 'fedcardio', declared });
  return async (part: 'overview' | 'sealed' | 'all') => {
    const before = context.meter.count();
    const request = { params: { campaign: 'tavi' }, query: { part }, body: undefined };
    const view = campaignSchema.parse(await campaign(context, request));
    return { view, requests: context.meter.count() - before };
  };
}

test('the overview has the stages and how far they are, whatever the number of rounds and sites', async () => {
  const { view, requests } = await (await look())('overview');

  expect(view.phase).toBe('running');
  expect(view.stages).toMatchObject([{ name: 'teacher/hinge-points', done: ROUNDS - 1, total: ROUNDS, rounds: [] }]);
  expect(requests).toBeLessThanOrEqual(5);
});

test('the sealed part lists no site; the whole does, and agrees with it in the committed rounds', async () => {
  const read = await look();

  const sealed = await read('sealed');
  const all = await read('all');
  const again = await read('all');
  const cellsOf = ({ view }: typeof all) => view.stages[0]?.rounds.map(({ cells }) => cells) ?? [];

  // One listing, the plan and pauses, and three documents of each round.
  expect(sealed.requests).toBeLessThanOrEqual(5 + 3 * ROUNDS);
  expect(cellsOf(sealed).at(-1)).toMatch(/^u+$/);
  expect(cellsOf(all).at(-1)).toMatch(/a.*w/);
  expect(
    cellsOf(all)
      .map((cells) => cells.replace(/[tx]/g, 'u'))
      .slice(0, -1),
  ).toEqual(cellsOf(sealed).slice(0, -1));
  // What has not changed is not read again: only listed.
  expect(again.requests).toBeLessThanOrEqual(5 + 20);
  expect(again.view).toEqual(all.view);
});
