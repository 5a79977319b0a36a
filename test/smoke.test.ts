import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMMAND, runCommand } from '../cli/testing.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { outcomeSchema, summarySchema } from '../lib/federation/schemas.ts';
import { readJson } from '../lib/storage/documents.ts';
import { uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-smoke-'));
const file = join(folder, 'federation.json');
let local: LocalFederation;
const args = (...more: string[]) => ['smoke', '--federation', file, '--endpoint', local.endpoint, ...more];

beforeAll(async () => {
  local = await startLocalFederation({ name: 'smoke', sites: ['bonn', 'jena'] });
  writeFileSync(file, JSON.stringify(local.federation));
});
afterAll(async () => {
  await local.close();
  rmSync(folder, { recursive: true });
});

test('uploads, trains and cleans up at every site; real cases take no part', async () => {
  const real = { site: 'bonn', id: 'p1', use: 'training', labels: ['hinge-points'] } as const;
  await uploadToyCase(local.siteStore('bonn'), real, 1);

  const { code, stdout, stderr } = await runCommand(args('--json'));

  expect(code, stderr).toBe(0);
  const printed = JSON.parse(stdout);
  expect(printed).toMatchObject({
    schema: 'fedcardio.smoke/1',
    passed: true,
    id: expect.stringMatching(/^smoke-test-\d{6}$/),
  });
  expect(
    printed.steps.map(({ site, step }: { site?: string; step: string }) => `${site ?? ''} ${step}`).sort(),
  ).toEqual(
    ['bonn', 'jena']
      .flatMap((site) => ['upload', 'intake', 'GPU task', 'case withdrawn'].map((step) => `${site} ${step}`))
      .concat([' campaign started', ' round opened', ' merge', ' campaign ended'])
      .sort(),
  );
  for (const step of printed.steps) expect(step.seconds).toBeGreaterThanOrEqual(0);
  const { value: outcome } = await readJson(local.federationStore, federationKeys.outcome(printed.id), outcomeSchema);
  expect(outcome.status).toBe('completed');
  const { value: summary } = await readJson(local.federationStore, federationKeys.summary('bonn'), summarySchema);
  expect(summary).toMatchObject({ cases: { training: 1 }, labelled: { 'hinge-points': 1 } });
  expect(summary.smokeTests).toBeUndefined();
  const left = await local.keys(local.siteStore('bonn'), 'cases/');
  expect(left.filter((key) => key.includes('smoke'))).toEqual([]);
  expect(left).toHaveLength(2);
}, 180_000);

test('Ctrl-C cleans up', async () => {
  const child = spawn(process.execPath, [COMMAND, ...args('--sites', 'jena')]);
  const told: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    told.push(line);
    if (line.includes('upload (')) child.kill('SIGINT');
  });

  const [code] = await once(child, 'exit');

  expect(code, told.join('\n')).toBe(130);
  expect(told.join('\n')).toMatch(/Interrupted: cleaning up[\s\S]*jena: case withdrawn/);
  expect(await local.keys(local.siteStore('jena'), 'cases/')).toEqual([]);
}, 120_000);

test('says which step failed, cleans up, and exits with 1', async () => {
  const sites = [...local.federation.sites, { id: 'ulm', name: 'Ulm' }];
  writeFileSync(file, JSON.stringify({ ...local.federation, sites }));

  const { code, stdout, stderr } = await runCommand(args('--sites', 'ulm'));

  expect(code).toBe(1);
  expect(stderr).toMatch(/✗ ulm: upload \(.*Check the ids of federation and site/);
  expect(stdout).toMatch(/^The smoke test failed/);
  const unknown = await runCommand(args('--sites', 'ulmm'));
  expect(unknown.stderr).toContain('Did you mean "ulm"?');
  const nameless = await runCommand(['smoke', '--endpoint', local.endpoint]);
  expect(nameless).toMatchObject({ code: 1, stderr: expect.stringContaining('--federation federation.json') });
}, 120_000);
