import { test } from 'vitest';
import { runSchedule } from './run.ts';
import type { Scenario } from './scenario.ts';
import { smallCampaignWith } from './simulated-campaign.ts';

const attack = (tick: number, site: number, name: string) => ({
  tick,
  command: { kind: 'attack', site, attack: name, variant: 0, roundsBack: 0 },
});

/**
 * Found by hostile.test.ts. One caller lists a round's answers and is slow; another seals the round; a site replaces the
 * update that was sealed; the slow caller then reads the replacement. It must neither refuse the update nor end the campaign.
 */
const SCENARIO = {
  sites: [
    {
      behaviour: 'good',
      samples: 1,
      member: true,
      id: 'site-0',
    },
    {
      behaviour: 'good',
      samples: 1,
      member: false,
      id: 'site-1',
    },
    {
      behaviour: 'silent',
      samples: 1,
      member: false,
      id: 'site-2',
    },
    {
      behaviour: 'good',
      samples: 1,
      member: true,
      id: 'site-3',
    },
  ],
  quorum: {
    minSites: 2,
    minFraction: 0.1,
    closeAfterQuorumSeconds: 0,
    deadlineSeconds: 3600,
  },
  requestFaults: [
    {
      request: 207,
      fault: 'crash-before',
    },
    {
      request: 0,
      fault: 'crash-before',
    },
    {
      request: 288,
      fault: 'slow',
    },
  ],
  outages: [
    {
      from: 56,
      requests: 43,
      kind: 'full',
    },
  ],
  deliveryFaults: [
    {
      delivery: 15,
      fault: 'duplicated',
    },
  ],
  commands: [
    attack(7, 1, 'wrong-samples'),
    attack(10, 3, 'replace'),
    attack(6, 1, 'prototype-keys'),
    attack(7, 1, 'oversized'),
    attack(0, 1, 'oversized'),
  ],
  skewSeconds: 0,
  pageSize: 1000,
  listedKeys: 1000,
  seed: -1623742024,
} as unknown as Scenario;

test('a slow caller leaves a round that another has sealed, whatever a site has replaced since', () =>
  runSchedule(smallCampaignWith, SCENARIO, { sweeps: true, faultFreeTicks: 45 }));
