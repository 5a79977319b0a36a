import { expect, test } from 'vitest';
import { collect } from '../async.ts';
import { federationKeys } from '../federation/keys.ts';
import { commitSchema } from '../federation/schemas.ts';
import { readJson } from '../storage/documents.ts';
import { closeRound } from './close-round.ts';
import { answer, openRoundOf, ROUND } from './testing.ts';

const SITES = ['bonn', 'graz', 'ulm'];

/** A round in which Bonn has trained on a case more than it has counted. */
async function roundOfUncounted() {
  const round = await openRoundOf(SITES);
  const { context, store, open } = round;
  const count = (cases: number) =>
    store.put(
      federationKeys.summary('bonn'),
      JSON.stringify({
        schema: 'fedcardio.summary/1',
        site: 'bonn',
        at: '2026-03-02T08:00:00.000Z',
        cases: { training: cases, evaluation: 0, rejected: 0 },
        labelled: { 'hinge-points': cases },
        labelledEvaluation: {},
      }),
    );
  const counted = open.participants[0]?.samples as number;
  await count(counted);
  await answer(round, 'bonn', [1, 2], { samples: counted + 1 });
  for (const site of ['graz', 'ulm']) await answer(round, site, [3, 4]);
  const closeAfter = (seconds: number) =>
    closeRound({ ...context, now: () => new Date(context.now().getTime() + seconds * 1000) }, ROUND);
  const refusals = async () =>
    (await collect(store.list(federationKeys.siteUpdates(ROUND, 'bonn')))).filter(({ key }) => key.includes('refusal'));
  return { store, count, counted, closeAfter, refusals };
}

test('an update waits for its site to count the cases that it was trained on', async () => {
  const { store, count, counted, closeAfter, refusals } = await roundOfUncounted();

  expect(await closeAfter(60)).toBe('waiting');
  expect(await refusals()).toEqual([]);
  await count(counted + 1);

  expect(await closeAfter(120)).toBe('committed');
  expect((await readJson(store, federationKeys.commit(ROUND), commitSchema)).value.sites).toEqual(SITES);
});

test('an update that claims cases which its site never counts is refused', async () => {
  const { store, closeAfter, refusals } = await roundOfUncounted();
  await closeAfter(60);

  expect(await closeAfter(3600)).toBe('committed');

  expect(await refusals()).toHaveLength(1);
  expect((await readJson(store, federationKeys.commit(ROUND), commitSchema)).value.sites).toEqual(['graz', 'ulm']);
});
