import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createCommands } from '../cli/commands.ts';
import { runCommand } from '../cli/testing.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { type CampaignInput, outcomeSchema } from '../lib/federation/schemas.ts';
import { tryReadJson } from '../lib/storage/documents.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { teacher, uploadToyCase } from './helpers/campaign.ts';

const COMMANDS = await createCommands();
const COMMAND = fileURLToPath(new URL('../bin/fedcardio.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-up-'));
const data = join(folder, 'data');
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts `fedcardio up` on any free port, and waits until it runs. */
async function up() {
  const child = spawn(process.execPath, [COMMAND, 'up', '--port', '0', '--data', data, '--json'], { cwd: folder });
  running.push(child);
  const told: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => told.push(line));
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (line === '}') break;
  }
  const summary = JSON.parse(printed.join('\n')) as { readonly endpoint: string; readonly buckets: unknown };
  const stop = async () => {
    child.kill('SIGINT');
    return once(child, 'exit');
  };
  return { ...summary, told, stop };
}

const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'first',
  stages: [teacher('hinge-points', 1)],
};

/** The commands of the tutorial's section, without those of a shell, of the AWS CLI, and without `up` itself. */
function documented(section: string): readonly (readonly string[])[] {
  const page = readFileSync('docs/tutorials/local-federation.md', 'utf8');
  const [, text = ''] = page.split(new RegExp(`^## \\d\\. ${section}$`, 'm'));
  const [own = ''] = text.split(/^## /m);
  return [...own.matchAll(/^npx fedcardio (.+)$/gm)].map(([, words = '']) => words.split(' '));
}

/** Whether this release has the command. */
function exists([name, child]: readonly string[]): boolean {
  const command = COMMANDS.find((candidate) => candidate.name() === name);
  if (!command || command.commands.length === 0) return command !== undefined;
  return command.commands.some((candidate) => candidate.name() === child);
}

test('up trains on what is uploaded, ends cleanly, and goes on where it was', async () => {
  const first = await up();
  const { federationStore, siteStore } = storesOf(createObjectStorage({ endpoint: first.endpoint }), 'fedcardio');
  const untilTold = async ({ told }: typeof first, text: string) => {
    while (!told.some((line) => line.endsWith(text))) await sleep(50);
  };
  expect(first.buckets).toEqual({
    federation: 'fedcardio-federation',
    sites: { bonn: 'fedcardio-site-bonn', jena: 'fedcardio-site-jena' },
  });

  await uploadToyCase(siteStore('bonn'), { site: 'bonn', id: 'p1', use: 'training', labels: ['hinge-points'] }, 1);
  await untilTold(first, 'bonn: case p1 accepted');
  const second = await runCommand(['up', '--port', '0', '--data', data], folder);
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`is using ${join(data, 'server')}`) });
  const file = join(folder, 'campaign.json');
  writeFileSync(file, JSON.stringify(CAMPAIGN));
  const run = async (words: readonly string[], endpoint: string) => {
    const replaced: Readonly<Record<string, string>> = {
      'examples/two-sites/campaign.json': file,
      'two-sites-1': 'first',
      'http://127.0.0.1:4566': endpoint,
    };
    const result = await runCommand(
      words.map((word) => replaced[word] ?? word),
      folder,
    );
    expect(result.code, `${words.join(' ')}: ${result.stderr}`).toBe(0);
    return result.stdout;
  };
  const starting = documented('Start a campaign').filter((words) => exists(words) && words[1] !== 'watch');
  for (const words of starting) await run(words, first.endpoint);
  await federationStore.putIfAbsent(federationKeys.campaign('first'), JSON.stringify(CAMPAIGN));
  await untilTold(first, 'GPU task of bonn started');
  expect(await first.stop()).toEqual([0, null]);
  expect(first.told.at(-1)).toMatch(/To go on: npx fedcardio up --data \S+ --port 0 --tasks \d+$/);

  const again = await up();
  const stores = storesOf(createObjectStorage({ endpoint: again.endpoint }), 'fedcardio');
  await untilTold(again, 'first: completed');
  const outcome = await tryReadJson(stores.federationStore, federationKeys.outcome('first'), outcomeSchema);
  expect(outcome?.value.status).toBe('completed');
  const printed: string[] = [];
  for (const words of documented('Upload CTs and labels')) printed.push(await run(words, again.endpoint));
  expect(printed).toHaveLength(5);
  expect(printed[3]).toMatch(/p001 +accepted/);
  expect(printed[4]).toContain('hinge-points');
  const looking = [...documented('Start a campaign').slice(-1), ...documented('Look at the result')];
  expect(looking.length).toBeGreaterThan(2);
  for (const words of looking.filter(exists)) await run(words, again.endpoint);
  expect(await run(['status', 'first', '--endpoint', 'http://127.0.0.1:4566'], again.endpoint)).toContain('completed');
  expect(await again.stop()).toEqual([0, null]);
  const log = readFileSync(join(data, 'up.log'), 'utf8');
  for (const event of ['case-examined', 'round-opened', 'gpu-task-started', 'campaign-ended']) {
    expect(log).toContain(`"event":"${event}"`);
  }
}, 120_000);
