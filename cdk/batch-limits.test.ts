import { describe, expect, test } from 'vitest';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { checkBatchLimits } from './batch-limits.ts';

const HOME = { account: '111122223333', region: 'eu-central-1' };
const federationOf = (sites: number, change: (index: number) => Partial<Site> = () => ({})): Federation => ({
  schema: 'fedcardio.federation/1',
  id: 'heart',
  ...HOME,
  sites: Array.from({ length: sites }, (_, index) => ({
    id: `site-${index}`,
    name: `Site ${index}`,
    ...change(index),
  })),
});
const away = { account: '444455556666', region: 'eu-central-1' };

describe('the limits of AWS Batch', () => {
  test.each([
    ['24 sites with spot and on-demand hosts', federationOf(24)],
    ['49 sites with on-demand hosts only', federationOf(49, () => ({ gpu: { spot: false } }))],
    ['49 sites with spot hosts only', federationOf(49, () => ({ gpu: { spot: 'only' } }))],
    ['25 sites, one of them in an account of its own', federationOf(25, (index) => (index === 0 ? away : {}))],
    ['25 sites of another account', federationOf(25, () => away)],
    ['64 sites in accounts of their own', federationOf(64, (index) => ({ ...away, account: String(1e11 + index) }))],
    ['48 sites in two regions', federationOf(48, (index) => (index % 2 ? { ...HOME, region: 'eu-west-1' } : {}))],
    ['64 sites, 24 of them on AWS', federationOf(64, (index) => (index < 24 ? {} : { place: 'on-premises' }))],
  ])('hold for %s', (_what, federation) => {
    expect(() => checkBatchLimits(federation)).not.toThrow();
  });

  test.each([
    [
      '64 sites',
      federationOf(64),
      '64 sites in account 111122223333, region eu-central-1 need 129 compute',
      '24 sites',
    ],
    ['25 sites', federationOf(25), '25 sites in account 111122223333, region eu-central-1 need 51 compute', '49 if'],
    ['50 sites with one each', federationOf(50, () => ({ gpu: { spot: 'only' } })), 'and 51 job queues', '49 if'],
    ['26 sites of another account', federationOf(26, () => away), '26 sites in account 444455556666', '25 sites'],
  ])('refuse %s, with the numbers and what to do', (_what, federation, message, hint) => {
    expect(() => checkBatchLimits(federation)).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIGURATION',
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      }),
    );
  });

  test("are those of the deployer's account where none is named", () => {
    const { account: _account, region: _region, ...federation } = federationOf(64);

    expect(() => checkBatchLimits(federation)).toThrow("64 sites in the deployer's account and region need 129");
  });
});
