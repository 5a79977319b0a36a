import { test } from 'vitest';
import { runSchedule } from './run.ts';
import type { Scenario } from './scenario.ts';
import { smallCampaignWith } from './simulated-campaign.ts';

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
    {
      tick: 7,
      command: {
        kind: 'attack',
        site: 1,
        attack: 'wrong-samples',
        variant: 0,
        roundsBack: 0,
      },
    },
    {
      tick: 10,
      command: {
        kind: 'attack',
        site: 3,
        attack: 'replace',
        variant: 0,
        roundsBack: 0,
      },
    },
    {
      tick: 6,
      command: {
        kind: 'attack',
        site: 1,
        attack: 'prototype-keys',
        variant: 0,
        roundsBack: 0,
      },
    },
    {
      tick: 7,
      command: {
        kind: 'attack',
        site: 1,
        attack: 'oversized',
        variant: 0,
        roundsBack: 0,
      },
    },
    {
      tick: 0,
      command: {
        kind: 'attack',
        site: 1,
        attack: 'oversized',
        variant: 0,
        roundsBack: 0,
      },
    },
  ],
  skewSeconds: 0,
  pageSize: 1000,
  seed: -1623742024,
} as unknown as Scenario;

test('a slow caller leaves a round that another has sealed, whatever a site has replaced since', () =>
  runSchedule(smallCampaignWith, SCENARIO, { sweeps: true, faultFreeTicks: 45 }));
