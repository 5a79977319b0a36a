import { describe, expect, test } from 'vitest';
import { signed } from './site-keys.ts';
import { openChannel } from './site-secrets.ts';
import { createCohort, sendUpdate, type TestCohort, VALUES } from './testing-cohort.ts';
import { checkedUpdate, openSelfShare, type UpdateMessage } from './update-message.ts';

const UPDATE = { values: new Float32Array(VALUES).fill(0.5), weights: { a: 2, b: 2, c: 2 } };
const ownOf = ({ own }: TestCohort, index: number) => own[index] as TestCohort['own'][number];

/** What others see of an update of site-00 in round 1, with a change that it has signed. */
async function seen(change: (update: UpdateMessage) => Partial<UpdateMessage>) {
  const cohort = createCohort(3, { rounds: 2 });
  const at = { cohort: cohort.cohort, round: 1 };
  const { message } = await sendUpdate(cohort, at, 0, UPDATE, { range: 1, totalWeight: 6, sites: 3 });
  const content = { ...message.content, ...change(message.content) };
  return { cohort, at, message: signed('update', content, ownOf(cohort, 0).signingKey) };
}

describe('the message of an update', () => {
  test('is accepted with a share and a digest for every site', async () => {
    const { cohort, at, message } = await seen(() => ({}));

    expect(checkedUpdate(at, message, cohort.identities)).toEqual(message.content);
  });

  test.each<[string, (update: UpdateMessage) => Partial<UpdateMessage>, string]>([
    ['of another cohort', () => ({ cohort: '0'.repeat(64) }), 'for another round'],
    ['of another round', () => ({ round: 2 }), 'for another round'],
    [
      'without a share for a site',
      ({ sealed: { 'site-01': _, ...sealed } }) => ({ sealed }),
      'not a share for every site',
    ],
    [
      'with a share for nobody',
      ({ sealed }) => ({ sealed: { ...sealed, padding: sealed['site-01'] as string } }),
      'not a share for every site',
    ],
    ['without shares', () => ({ sealed: {} }), 'not a share for every site'],
    ['without a digest for a site', ({ digests }) => ({ digests: digests.slice(1) }), 'not a share for every site'],
    ['with a digest too many', ({ digests }) => ({ digests: [...digests, '0'] }), 'not a share for every site'],
  ])('is refused %s', async (_, change, reason) => {
    const { cohort, at, message } = await seen(change);

    expect(() => checkedUpdate(at, message, cohort.identities)).toThrow(reason);
  });

  test('has a share that is not opened where it differs from its digest', async () => {
    const { cohort, at, message } = await seen(({ digests }) => ({ digests: digests.toReversed() }));
    const update = checkedUpdate(at, message, cohort.identities);
    const open = (index: number) => {
      const own = ownOf(cohort, index);
      return openSelfShare(own, at, openChannel(own, cohort.cohort, cohort.directory), update);
    };

    // The digest in the middle is the right one.
    expect(open(1)).toHaveLength(32);
    expect(() => open(2)).toThrow('the share that site-00 has sealed is not the one that it has committed to');
  });
});
