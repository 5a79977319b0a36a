import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { campaignSchema } from '../lib/federation/schemas.ts';
import { TEACHER_STAGE } from '../lib/federation/testing.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { deploy } from '../local/deploy/deploy.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../local/emulator/server.ts';
import { summaryOf } from '../test/protocol/simulated-site.ts';
import { runCommand } from './testing.ts';

const BUCKET = names.federationBucket('heart');
let directory: string;
let server: EmbeddedServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fedcardio-cli-'));
  server = await startEmbeddedServer({ dataDir: directory });
  const sites = [{ id: 'berlin', name: 'Berlin' }];
  await deploy(server.endpoint, topologyOf({ schema: 'fedcardio.federation/1', id: 'heart', sites }));
  const campaign = campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: 'tavi', stages: [TEACHER_STAGE] });
  const source = JSON.stringify(campaign);
  const plan = { schema: 'fedcardio.plan/1', campaign, source: sha256Hex(source), at: '2026-03-02T08:00:00.000Z' };
  const store = createObjectStorage(server)(BUCKET);
  await store.put(federationKeys.campaign('tavi'), source);
  await store.put(federationKeys.plan('tavi'), canonicalJson(plan));
  await store.put(federationKeys.summary('berlin'), canonicalJson(summaryOf({ id: 'berlin', samples: 3 }, new Date())));
});

afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const about = (command: string, ...args: string[]) =>
  runCommand([command, 'tavi', '--federation', 'heart', '--endpoint', server.endpoint, ...args]);

describe('the commands about a campaign', () => {
  test('pause, show, resume and cancel it, and report that it has already ended', async () => {
    expect((await about('pause', '--reason', 'no GPUs')).stdout).toMatch(/^tavi is paused since 20\d\d-/);
    expect((await about('status')).stdout).toMatch(/^tavi: paused: no GPUs\n/);
    expect((await about('resume')).stdout).toBe('tavi is resumed.\n');
    expect(JSON.parse((await about('status', '--json')).stdout)).toMatchObject({ phase: 'running' });
    expect((await about('status', '--site', 'berlin')).stdout).toBe(
      'tavi: running; berlin takes part in 0 rounds so far\n',
    );
    expect((await about('cancel', '--reason', 'wrong labels')).stdout).toBe('tavi is cancelled.\n');
    expect(JSON.parse((await about('cancel', '--json')).stdout)).toMatchObject({ reason: 'wrong labels' });

    const wrong = await about('status', '--site', 'berlni');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('Did you mean "berlin"?') });
    const paused = await about('pause');
    expect(paused).toMatchObject({ code: 1, stderr: expect.stringContaining('Campaign tavi has ended.') });
  }, 60_000);

  test('refuse an unknown campaign with the nearest id', async () => {
    for (const command of ['status', 'pause', 'verify', 'watch', 'report']) {
      const place = ['--federation', 'heart', '--endpoint', server.endpoint];
      expect(await runCommand(['campaign', command, 'tavy', ...place])).toMatchObject({
        code: 1,
        stderr: 'error: Federation "heart" has no campaign "tavy". Did you mean "tavi"? Its campaigns are tavi.\n',
      });
    }
  }, 60_000);

  test('verify it: exit code 0 if everything matches, otherwise 1 with the fault', async () => {
    expect(await about('verify')).toMatchObject({
      code: 0,
      stdout: 'tavi: all 0 committed rounds match their updates. The campaign has been cancelled.\n',
    });
    await createObjectStorage(server)(BUCKET).put(federationKeys.campaign('tavi'), '{}');
    const { code, stdout } = await about('verify');
    expect(code).toBe(1);
    expect(stdout).toContain('campaign.json');
  }, 60_000);
});
