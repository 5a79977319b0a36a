import { expect, test } from 'vitest';
import { runCommand } from '../cli/testing.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, outcomeSchema } from '../lib/federation/schemas.ts';
import { tryReadJson } from '../lib/storage/documents.ts';
import { teacher, uploadToyCase } from './helpers/campaign.ts';
import { startLocalFederation } from './helpers/local-federation.ts';

const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'first',
  seed: 5,
  stages: [teacher('calcification', 1)],
};

test('a case is followed, withdrawn, and left out of a repetition, by the commands that docs/privacy.md names', {
  timeout: 240_000,
}, async () => {
  const local = await startLocalFederation({ sites: ['bonn', 'kiel'] });
  const fedcardio = async (...args: readonly string[]) => {
    const at = ['--federation', local.federation.id, '--endpoint', local.endpoint];
    const { code, stdout, stderr } = await runCommand([...args, ...at]);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  const usesOf = async (name: string): Promise<readonly string[]> => {
    const { updates } = JSON.parse(await fedcardio('site', 'lineage', 'bonn', name, '--json'));
    return updates.map((one: { campaign: string; stage: string; round: number; uses: readonly string[] }) =>
      [one.campaign, one.stage, one.round, ...one.uses].join(' '),
    );
  };
  try {
    const cases = [
      ['bonn', 'stays'],
      ['bonn', 'goes'],
      ['kiel', 'other'],
    ] as const;
    for (const [index, [site, id]] of cases.entries())
      await uploadToyCase(local.siteStore(site), { site, id, use: 'training', labels: ['calcification'] }, index);
    await local.idle();
    expect(await local.run(CAMPAIGN)).toMatchObject({ status: 'completed' });

    const lineage = await fedcardio('site', 'lineage', 'bonn', 'goes');
    expect(lineage).toMatch(/first\s+teacher\/calcification\s+1\s+training/);
    expect(lineage).toContain(
      'Models that may have learnt from it:\n  first teacher/calcification: 1 model, of rounds 1',
    );

    const withdrawn = await fedcardio('site', 'withdraw', 'bonn', 'goes', '--yes');
    expect(withdrawn).toContain('first teacher/calcification');
    await local.idle();
    expect(await fedcardio('campaign', 'status', 'first')).toContain('round 1: 1 case withdrawn since');

    const again = await fedcardio('campaign', 'start', '--without-withdrawn', 'first', '--id', 'second');
    expect(again).toContain('second was started: the same campaign, without 1 case withdrawn since.');
    await expect
      .poll(
        async () => (await tryReadJson(local.federationStore, federationKeys.outcome('second'), outcomeSchema))?.value,
        {
          timeout: 120_000,
        },
      )
      .toMatchObject({ status: 'completed' });
    await local.idle();

    expect(await usesOf('goes')).toEqual(['first teacher/calcification 1 training']);
    expect(await usesOf('stays')).toEqual([
      'first teacher/calcification 1 training',
      'second teacher/calcification 1 training',
    ]);
    expect(await fedcardio('campaign', 'status', 'second')).not.toContain('withdrawn since');
  } finally {
    await local.close();
  }
});
