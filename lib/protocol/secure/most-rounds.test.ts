import { expect, test } from 'vitest';
import { canonicalJson } from '../../json.ts';
import { createCohort, sendUpdate, VALUES } from '../../privacy/testing-cohort.ts';
import { mostRounds } from './most-rounds.ts';

const MIB = 1024 * 1024;
const bytesOf = (value: unknown) => Buffer.byteLength(canonicalJson(value));

/** Bytes of an update's message, and of a site's key shares for one round more. */
async function measured(sites: number) {
  const [one, ten] = [1, 10].map((rounds) => createCohort(sites, { rounds }));
  const update = { values: new Float32Array(VALUES), weights: { a: 1, b: 1, c: 1 } };
  const terms = { range: 1, totalWeight: sites, sites, headroom: 0 };
  const sent = await sendUpdate(one!, { cohort: one!.cohort, round: 1 }, 0, update, terms);
  return {
    update: bytesOf(sent.message),
    round: (bytesOf(ten?.shares[0]) - bytesOf(one?.shares[0])) / 9,
  };
}

test.each([
  [32, 22],
  [48, 32],
])('so many rounds of %i sites fit into the documents, and hardly more', async (sites, threshold) => {
  const { update, round } = await measured(sites);
  const bytes = (rounds: number) => threshold * update + (sites - threshold) * rounds * round;
  const most = mostRounds(sites, threshold);

  expect(bytes(most)).toBeLessThan(16 * MIB);
  expect(bytes(most * 1.1)).toBeGreaterThan(16 * MIB);
});

test('a single answer has a limit, too', async () => {
  const { round } = await measured(8);
  const most = mostRounds(8, 7);

  expect(most * round).toBeLessThan(8 * MIB);
  expect(most * 1.1 * round).toBeGreaterThan(8 * MIB);
});
