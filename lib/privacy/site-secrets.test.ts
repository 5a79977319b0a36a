import type { KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Cohort } from './secure-round.ts';
import { privateKeyOf, publicKeyOf } from './site-keys.ts';
import {
  channelSecret,
  coefficientsKey,
  type Directory,
  maskSecret,
  noiseKey,
  openChannel,
  pairSeed,
  pairSign,
  type SiteSecrets,
  selfSeed,
  shareDigest,
} from './site-secrets.ts';

const COHORT: Cohort = {
  ...{ campaign: 'tavi', stage: 'student', plan: 'p', attempt: 1, agreed: 'a' },
  ...{ sites: ['berlin', 'munich', 'ulm'], threshold: 2, rounds: 3 },
};
const ownOf = (site: string, fill: number): SiteSecrets => ({
  ...{ site, secret: new Uint8Array(32).fill(fill), signingKey: undefined as unknown as KeyObject },
});
const OWNS = [ownOf('berlin', 1), ownOf('munich', 2), ownOf('ulm', 3)] as const;
const [BERLIN, MUNICH, ULM] = OWNS;
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').slice(0, 16);
const maskKey = (own: SiteSecrets, cohort: Cohort, round: number) => privateKeyOf(maskSecret(own, cohort, round));

function directoryOf(cohort: Cohort): Directory {
  const { campaign, stage, plan, attempt } = cohort;
  const entries = OWNS.map((own) => {
    const channelKey = publicKeyOf(privateKeyOf(channelSecret(own, cohort)));
    const maskKeys = Array.from({ length: cohort.rounds }, (_, i) => publicKeyOf(maskKey(own, cohort, i + 1)));
    return [own.site, { site: own.site, campaign, stage, plan, attempt, channelKey, maskKeys }] as const;
  });
  return new Map(entries);
}

/** The seed of the mask of two sites, as the first computes it. */
const pair = (own: SiteSecrets, other: SiteSecrets, cohort = COHORT, round = 1) =>
  pairSeed({ cohort, round }, maskKey(own, COHORT, 1), publicKeyOf(maskKey(other, COHORT, 1)), [own.site, other.site]);
/** The key of a channel between berlin and munich. */
const channel = (own: SiteSecrets, way = { from: 'berlin', to: 'munich', of: 'x' }, cohort = COHORT) =>
  openChannel(own, cohort, directoryOf(COHORT))(way);

const DERIVED = {
  channelSecret: (own: SiteSecrets, cohort: Cohort) => channelSecret(own, cohort),
  maskSecret: (own: SiteSecrets, cohort: Cohort, round: number) => maskSecret(own, cohort, round),
  selfSeed: (own: SiteSecrets, cohort: Cohort, round: number, of: string) => selfSeed(own, { cohort, round }, of),
  noiseKey: (own: SiteSecrets, cohort: Cohort, round: number, of: string) => noiseKey(own, { cohort, round }, of),
  coefficientsKey: (own: SiteSecrets, cohort: Cohort, _: number, of: string) => coefficientsKey(own, cohort, of),
};
const ROUND_COUNTS = ['maskSecret', 'selfSeed', 'noiseKey'];
const OF_COUNTS = ['selfSeed', 'noiseKey', 'coefficientsKey'];
const STAGES = (['campaign', 'stage', 'plan'] as const).map((name) => ({ ...COHORT, [name]: 'other' }));

describe('what a site derives from its secret', () => {
  test.each(Object.entries(DERIVED))('%s is another one for each purpose, stage, round and update', (name, derive) => {
    const all = [
      ...Object.values(DERIVED).map((other) => other(BERLIN, COHORT, 1, 'x')),
      derive(MUNICH, COHORT, 1, 'x'),
      ...[...STAGES, { ...COHORT, attempt: 2 }].map((cohort) => derive(BERLIN, cohort, 1, 'x')),
      ...(ROUND_COUNTS.includes(name) ? [derive(BERLIN, COHORT, 2, 'x')] : []),
      ...(OF_COUNTS.includes(name) ? [derive(BERLIN, COHORT, 1, 'y')] : []),
    ].map(text);

    expect(new Set(all).size).toBe(all.length);
  });

  test('is the same in all releases, which take part in one campaign', () => {
    const all = Object.entries(DERIVED).map(([name, derive]) => [name, text(derive(BERLIN, COHORT, 1, 'x'))]);

    expect(Object.fromEntries(all)).toEqual({
      channelSecret: 'd4ffc2b0034cf08d',
      maskSecret: '0cc2ff88d962a341',
      selfSeed: 'ea5cd73776ee12fb',
      noiseKey: 'c16138709c375b9a',
      coefficientsKey: 'fb6e89a1f4e9b7ec',
    });
    expect({ pair: text(pair(BERLIN, MUNICH)), channel: text(channel(BERLIN)) }).toEqual({
      pair: '60a5cdcd0e5928cd',
      channel: '9deaec3af23dc84d',
    });
  });
});

describe('the mask of two sites', () => {
  test('has a seed that both compute', () => {
    expect(pair(BERLIN, MUNICH)).toEqual(pair(MUNICH, BERLIN));
  });

  test('has another seed for each pair, round and cohort, even with the same keys', () => {
    const cohorts = [...STAGES, { ...COHORT, attempt: 2 }, { ...COHORT, agreed: 'b' }];
    const keys = [maskKey(BERLIN, COHORT, 1), publicKeyOf(maskKey(MUNICH, COHORT, 1))] as const;
    const all = [
      pair(BERLIN, MUNICH),
      pair(BERLIN, ULM),
      pairSeed({ cohort: COHORT, round: 1 }, ...keys, ['berlin', 'ulm']),
      pair(BERLIN, MUNICH, COHORT, 2),
      ...cohorts.map((cohort) => pair(BERLIN, MUNICH, cohort)),
    ].map(text);

    expect(new Set(all).size).toBe(all.length);
  });

  test('is added by the first of the cohort and subtracted by the second', () => {
    expect([pairSign(COHORT, 'berlin', 'munich'), pairSign(COHORT, 'munich', 'berlin')]).toEqual([1, -1]);
  });
});

describe('the key that a share is sealed with', () => {
  test('is known to sender and reader', () => {
    expect(channel(BERLIN)).toEqual(channel(MUNICH));
  });

  test('is another one for each way, secret and cohort: a key encrypts one text only', () => {
    const all = [
      channel(BERLIN),
      channel(BERLIN, { from: 'munich', to: 'berlin', of: 'x' }),
      channel(BERLIN, { from: 'berlin', to: 'ulm', of: 'x' }),
      channel(BERLIN, { from: 'berlin', to: 'berlin', of: 'x' }),
      channel(BERLIN, { from: 'berlin', to: 'munich', of: 'y' }),
      channel(BERLIN, undefined, { ...COHORT, agreed: 'b' }),
    ].map(text);

    expect(new Set(all).size).toBe(all.length);
  });
});

test('a share is known by 32 hexadecimal digits of its SHA-256', () => {
  expect(shareDigest(new Uint8Array(32))).toBe('66687aadf862bd776c8fc18b8e9f8e20');
});
