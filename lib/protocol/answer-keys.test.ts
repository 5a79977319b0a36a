import { expect, test } from 'vitest';
import { federationKeys, type RoundAddress } from '../federation/keys.ts';
import type { Open } from '../federation/schemas.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createMemoryStorage } from '../storage/testing-objects.ts';
import { listAnswers, listAnswersUnlessMissing, listCampaignAnswers } from './answer-keys.ts';
import { MAX_ANSWER_KEYS, MAX_ANSWERS } from './bounds.ts';

const AT: RoundAddress = { campaign: 'c', stage: 'a', round: 1 };
/** Its objects are listed with those of round 1 of stage `a`. */
const BELOW: RoundAddress = { campaign: 'c', stage: 'a/0001', round: 1 };

const openWith = (...sites: string[]) =>
  ({ ...AT, participants: sites.map((site) => ({ site, samples: 1, summary: '' })) }) as unknown as Open;

const store = (): FederationStore => createMemoryStorage()('heart');

test('finds the answers of the participants to this round, with their weights and refusals', async () => {
  const heart = store();
  const refused = federationKeys.update(AT, 'bonn', 'b');
  await heart.put(federationKeys.updateWeights(AT, 'bonn', 'a'), 'weights');
  await heart.put(federationKeys.update(AT, 'bonn', 'a'), '{}');
  await heart.put(refused, '{}');
  await heart.put(federationKeys.refusal(refused), 'refused');
  await heart.put(federationKeys.update(AT, 'ulm', 'failed'), '{}');
  await heart.put(federationKeys.update(BELOW, 'bonn', 'c'), '{}');
  await heart.put(federationKeys.update({ ...AT, round: 2 }, 'bonn', 'd'), '{}');
  await heart.put(federationKeys.update(AT, 'stranger', 'e'), '{}');

  const found = await listAnswers(heart, openWith('ulm', 'bonn', 'kiel'));

  expect(found.map(({ at, ...answer }) => answer)).toEqual([
    { site: 'ulm', key: federationKeys.update(AT, 'ulm', 'failed'), unusable: 'failed', documentBytes: 2 },
    { site: 'bonn', key: federationKeys.update(AT, 'bonn', 'a'), documentBytes: 2, weightsBytes: 7 },
    { site: 'bonn', key: refused, unusable: 'refused', documentBytes: 7 },
  ]);
  const byRound = await listCampaignAnswers(heart, 'c', ['bonn', 'ulm']);
  expect(byRound.get(federationKeys.round(AT))).toEqual([...found.slice(1), ...found.slice(0, 1)]);
  expect(byRound.get(federationKeys.round(BELOW))?.map(({ key }) => key)).toEqual([
    federationKeys.update(BELOW, 'bonn', 'c'),
  ]);
});

test('gives up on a round when too many of its participants have no answer, after those that are likely', async () => {
  const heart = store();
  const sites = Array.from({ length: 40 }, (_, index) => `site-${index}`);
  const open = openWith(...sites);
  const listed: string[] = [];
  const list: FederationStore['list'] = (prefix) => {
    listed.push(prefix);
    return heart.list(prefix);
  };
  const look = async (mayMiss: number, likely: readonly string[] = []) => {
    listed.length = 0;
    return listAnswersUnlessMissing({ list }, open, mayMiss, likely);
  };
  for (const site of sites.slice(1, 38)) await heart.put(federationKeys.update(AT, site, 'failed'), '{}');

  expect(await look(0)).toBeUndefined();
  expect(listed).toEqual([federationKeys.siteUpdates(AT, 'site-39')]);
  expect(await look(2, ['site-0', 'stranger'])).toBeUndefined();
  expect(listed).toHaveLength(3);
  expect(await look(3)).toEqual(await listAnswers(heart, open));
  expect(listed).toHaveLength(40);
});

/** A store that counts the keys that it has listed. */
function counted(store: Pick<FederationStore, 'list'>) {
  let keys = 0;
  const list: FederationStore['list'] = async function* (prefix) {
    for await (const object of store.list(prefix)) {
      keys++;
      yield object;
    }
  };
  return { list, listed: () => keys };
}

test('stops listing a site that floods its folder', async () => {
  const heart = store();
  for (let i = 0; i < 100; i++) await heart.put(federationKeys.update(AT, 'bonn', `junk-${i}`), '{');
  const counting = counted(heart);

  expect(await listAnswers(counting, openWith('bonn'))).toHaveLength(MAX_ANSWERS);
  expect(counting.listed()).toBe(MAX_ANSWERS);
});

test('stops listing a site that floods its folder with what is no update', async () => {
  const heart = store();
  const ulm = federationKeys.update(AT, 'ulm', 'a');
  await heart.put(ulm, '{}');
  const below = federationKeys.siteUpdates(AT, 'bonn');
  for (let i = 0; i < 2 * MAX_ANSWER_KEYS; i++) {
    await heart.put(`${below}${i % 2 ? 'junk' : '0001/junk'}-${i}` as typeof below, '');
  }
  const counting = counted(heart);

  const found = await listAnswers(counting, openWith('bonn', 'ulm'));

  expect(found.map(({ key }) => key)).toEqual([ulm]);
  expect(counting.listed()).toBe(MAX_ANSWER_KEYS + 1);
});
