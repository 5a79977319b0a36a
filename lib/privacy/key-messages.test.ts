import type { KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { checkedKeyShares, type KeyShares, keyDirectory, openKeyShare } from './key-messages.ts';
import { joinShares } from './secret-shares.ts';
import { pointOf } from './secure-round.ts';
import { type Signed, signed } from './site-keys.ts';
import { maskSecret, openChannel, type SiteKeys } from './site-secrets.ts';
import { createCohort, type TestCohort } from './testing-cohort.ts';

const cohortOfThree = () => createCohort(3, { rounds: 2 });
const ownOf = ({ own }: TestCohort, index: number) => own[index] as TestCohort['own'][number];
const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, i) => byte ^ (b[i] as number));

describe('the keys of a cohort', () => {
  const withFirst = (cohort: TestCohort, change: (keys: SiteKeys) => Partial<SiteKeys>) => {
    const { content } = cohort.keys[0] as Signed<SiteKeys>;
    const changed = signed('keys', { ...content, ...change(content) }, ownOf(cohort, 0).signingKey);
    return keyDirectory(cohort.cohort, [changed, ...cohort.keys.slice(1)], cohort.identities);
  };

  test('are refused unless there are those of every site', () => {
    const { cohort, keys, identities } = cohortOfThree();

    expect(() => keyDirectory(cohort, keys.slice(1), identities)).toThrow('there are no keys of site-00');
  });

  test('are refused with one key in two rounds, of which the opened round would open the other', () => {
    const first = ({ maskKeys }: SiteKeys) => maskKeys[0] as string;

    expect(() => withFirst(cohortOfThree(), (keys) => ({ maskKeys: [first(keys), first(keys)] }))).toThrow(
      'site-00 has one key for several purposes',
    );
  });

  test('are refused with a mask key that is also the channel key', () => {
    const reused = ({ maskKeys: [first], channelKey }: SiteKeys) => ({ maskKeys: [first as string, channelKey] });

    expect(() => withFirst(cohortOfThree(), reused)).toThrow('site-00 has one key for several purposes');
  });

  test('are refused with both owners of a key that two have', () => {
    const cohort = cohortOfThree();
    const { maskKeys } = (cohort.keys[2] as Signed<SiteKeys>).content;

    expect(() => withFirst(cohort, () => ({ maskKeys }))).toThrow('site-00 and site-02 have the same key');
  });
});

describe('the key shares of a site', () => {
  const checked = (cohort: TestCohort, change: (shares: KeyShares) => Partial<KeyShares>) => {
    const { content } = cohort.shares[0] as Signed<KeyShares>;
    const message = signed('key shares', { ...content, ...change(content) }, ownOf(cohort, 0).signingKey);
    return checkedKeyShares(cohort.cohort, message, cohort.identities);
  };

  test.each<[string, (shares: KeyShares) => Partial<KeyShares>]>([
    ['without one for a site', ({ sealed: { 'site-01': _, ...sealed } }) => ({ sealed })],
    ['for no site', () => ({ sealed: {} })],
    [
      'for a site that is only inherited',
      ({ sealed: { 'site-01': text, ...sealed } }) => ({
        sealed: Object.assign(Object.create({ 'site-01': text }), sealed),
      }),
    ],
    ['without the digests of a round', ({ digests }) => ({ digests: digests.slice(1) })],
    ['with the digests of another round', ({ digests }) => ({ digests: [...digests, digests[0] as string[]] })],
    [
      'without the digest of a site',
      ({ digests: [first = [], ...others] }) => ({ digests: [first.slice(1), ...others] }),
    ],
    ['with one for nobody', ({ sealed }) => ({ sealed: { ...sealed, padding: sealed['site-01'] as string } })],
    ['with a longer one', ({ sealed }) => ({ sealed: { ...sealed, 'site-01': `${sealed['site-01']}AAAA` } })],
    ['of another cohort', () => ({ cohort: '0'.repeat(64) })],
  ])('are refused %s', (_, change) => {
    const cohort = cohortOfThree();

    expect(() => checked(cohort, () => ({}))).not.toThrow();
    expect(() => checked(cohort, change)).toThrow('the key shares of site-00 are for others');
  });

  test('are not opened where they differ from their digest', () => {
    const cohort = cohortOfThree();
    const at = { cohort: cohort.cohort, round: 2 };
    const channel = openChannel(ownOf(cohort, 1), cohort.cohort, cohort.directory);
    // Sealed rightly for site-01, but with the digests of the other round: joined with others, it would give another key.
    const shares = checked(cohort, ({ digests }) => ({ digests: digests.toReversed() }));

    expect(() => openKeyShare(ownOf(cohort, 1), at, channel, shares)).toThrow(
      'the share that site-00 has sealed is not the one that it has committed to',
    );
  });

  test('of one round tell nothing of the key of another', () => {
    const cohort = cohortOfThree();
    const shares = checked(cohort, () => ({}));
    const channel = openChannel(ownOf(cohort, 1), cohort.cohort, cohort.directory);
    const rounds = [1, 2].map((round) => ({
      secret: maskSecret(ownOf(cohort, 0), cohort.cohort, round),
      share: openKeyShare(ownOf(cohort, 1), { cohort: cohort.cohort, round }, channel, shares),
    })) as [{ secret: Uint8Array; share: Uint8Array }, { secret: Uint8Array; share: Uint8Array }];

    // With the same coefficients in both rounds, shares would differ as the keys do.
    const [first, second] = rounds;
    expect(xor(first.share, second.share)).not.toEqual(xor(first.secret, second.secret));
  });

  test('give the key of their round from as many sites as the threshold', () => {
    const cohort = cohortOfThree();
    const shares = checked(cohort, () => ({}));
    for (const round of [1, 2]) {
      const opened = [0, 2].map((index) => {
        const own = ownOf(cohort, index);
        const channel = openChannel(own, cohort.cohort, cohort.directory);
        const value = openKeyShare(own, { cohort: cohort.cohort, round }, channel, shares);
        return { at: pointOf(cohort.cohort, own.site), value: Uint8Array.from(value) };
      });

      expect(joinShares(opened)).toEqual(maskSecret(ownOf(cohort, 0), cohort.cohort, round));
    }
  });
});

test('a site without an identity is named by the first 60 characters of its name', () => {
  const { cohort, keys, shares } = cohortOfThree();
  const long = { content: { ...shares[0]?.content, site: 'x'.repeat(1000) }, signature: '' } as Signed<KeyShares>;
  const identities = new Map<string, KeyObject>();

  expect(() => checkedKeyShares(cohort, long, identities)).toThrow(`the identity of "${'x'.repeat(60)}" is not known`);
  expect(() => keyDirectory(cohort, keys, identities)).toThrow('the identity of "site-00" is not known');
});
