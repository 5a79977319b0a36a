import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { campaignSchema, federationSchema } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { parseJson } from '../../lib/json.ts';
import { estimateCost } from './estimate.ts';
import { PRICES } from './prices.ts';
import { costSoFar } from './so-far.ts';
import { ASSUMPTIONS } from './workload.ts';

const read = (file: string) => readFileSync(`examples/paper/${file}`);
const federation = parseJson(read('federation.json'), federationSchema, 'federation.json');
const campaign = parseJson(read('campaign.json'), campaignSchema, 'campaign.json');

test('is nothing before the first round, and the estimate of `fedcardio cost` when all rounds have opened', () => {
  const estimate = estimateCost(federation, campaign, ASSUMPTIONS, PRICES);
  const all = new Map(estimate.work.map(({ stage, rounds }) => [stage, rounds]));

  const before = costSoFar(federation, campaign, DEFAULT_TASKS, new Map());
  const after = costSoFar(federation, campaign, DEFAULT_TASKS, all);

  expect(before).toEqual({ usd: 0, usdTotal: expect.closeTo(estimate.campaign.usd, 6) });
  expect(after.usd).toBeCloseTo(estimate.campaign.usd, 6);
});

test('grows with every round', () => {
  const [stage] = campaign.stages;
  const costs = [1, 2, 3].map(
    (rounds) => costSoFar(federation, campaign, DEFAULT_TASKS, new Map([[stage?.name ?? '', rounds]])).usd,
  );

  expect(costs[0]).toBeGreaterThan(0);
  expect([...costs].sort((a, b) => a - b)).toEqual(costs);
  expect(new Set(costs).size).toBe(3);
});
