import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { campaignSchema, federationSchema, isOnPremises } from '../lib/federation/schemas.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { parseJson, sha256Hex } from '../lib/json.ts';
import { planCampaign } from '../lib/protocol/plan.ts';

const NOW = new Date('2026-11-28T12:00:00Z');

const filesNamed = (name: string): string[] =>
  readdirSync('examples', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(`/${name}`))
    .sort();
const bytesOf = (file: string): Uint8Array => readFileSync(`examples/${file}`);

describe('examples', () => {
  test('exist in the folders that the documents name', () => {
    expect(filesNamed('campaign.json')).toEqual([
      'custom-task/campaign.json',
      'paper/campaign.json',
      'probe/campaign.json',
      'two-sites/campaign.json',
    ]);
    expect(filesNamed('federation.json')).toEqual([
      'custom-task/federation.json',
      'on-premises/federation.json',
      'paper/federation.json',
      'two-sites/federation.json',
    ]);
  });

  test.each(filesNamed('federation.json'))('%s is a federation', (file) => {
    const federation = parseJson(bytesOf(file), federationSchema, file);

    expect(topologyOf(federation).buckets).toHaveLength(
      federation.sites.filter((site) => !isOnPremises(site)).length + 1,
    );
    expect(federation.$schema).toBe('../../federation.schema.json');
  });

  test.each(filesNamed('campaign.json'))('%s can be planned', (file) => {
    const bytes = bytesOf(file);
    const campaign = parseJson(bytes, campaignSchema, file);

    const beside = file.replace('campaign.json', 'federation.json');
    const tasks = filesNamed('federation.json').includes(beside)
      ? parseJson(bytesOf(beside), federationSchema, beside).tasks
      : undefined;
    const plan = planCampaign(campaign.id, { value: campaign, sha256: sha256Hex(bytes) }, NOW, {
      ...(tasks && { tasks }),
    });

    expect(plan.campaign.stages.map(({ name }) => name)).toEqual(campaign.stages.map(({ name }) => name));
  });
});
