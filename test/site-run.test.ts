import { type ChildProcess, exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../cli/testing.ts';
import { createObjectStorage } from '../lib/aws/objects.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { type Federation, type Summary, summarySchema } from '../lib/federation/schemas.ts';
import { tryReadJson } from '../lib/storage/documents.ts';
import { readSentLog } from '../lib/storage/sent-log.ts';
import { storesOf } from '../lib/storage/stores.ts';
import { startEmbeddedServer } from '../local/emulator/server.ts';
import { type Platform, startPlatform } from '../local/platform.ts';
import { uploadToyCase } from './helpers/campaign.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COMMAND = join(ROOT, 'bin/fedcardio.mjs');
const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  region: 'eu-central-1',
  account: '111122223333',
  sites: [
    { id: 'bonn', name: 'Bonn' },
    { id: 'kiel', name: 'Kiel', place: 'on-premises', principal: 'arn:aws:iam::111122223333:role/kiel' },
  ],
};
const folder = mkdtempSync(join(tmpdir(), 'fedcardio-site-run-'));
const file = join(folder, 'heart.json');
const data = join(folder, 'data');
const inbox = join(folder, 'inbox');
const OWN = ['--data', data, '--port', '0'];
const watching = ['--inbox', inbox, '--quiet', '1'];
const running: ChildProcess[] = [];
let cloud: Platform;
beforeAll(async () => {
  writeFileSync(file, JSON.stringify(FEDERATION));
  const gpuTasks = { maxGpuTasks: 1 };
  cloud = await startPlatform({ federation: FEDERATION, server: { dataDir: join(folder, 'cloud') }, gpuTasks });
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await cloud.close();
  rmSync(folder, { recursive: true });
});

/** Starts `fedcardio site run kiel`, and waits until it runs. */
async function run(more: readonly string[]) {
  const words = ['site', 'run', 'kiel', '--federation', file, '--json', ...more];
  const child = spawn(process.execPath, [COMMAND, ...words], { cwd: folder });
  running.push(child);
  const told: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => told.push(line));
  const printed: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line);
    if (line === '}') break;
  }
  const ended = () => child.exitCode ?? child.signalCode;
  if (printed.at(-1) !== '}') throw new Error(`No summary: ended ${ended()}\n${told.join('\n')}`);
  const summary = JSON.parse(printed.join('\n')) as Readonly<Record<string, string>>;
  /** @throws Error with all that it has told if it is not so in a minute, or the process ends before */
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    const end = performance.now() + 60_000;
    while (!(await isSo())) {
      if (ended() !== null || performance.now() > end) throw new Error(`${isSo}: ended ${ended()}\n${told.join('\n')}`);
      await sleep(50);
    }
  };
  const untilTold = (text: RegExp) => until(() => told.some((line) => text.test(line)));
  const stop = async () => {
    child.kill('SIGTERM');
    await until(() => ended() !== null);
    return [child.exitCode, child.signalCode];
  };
  return { summary, told, until, untilTold, stop };
}
const summaryOf = async () =>
  (await tryReadJson(cloud.context.federationStore, federationKeys.summary('kiel'), summarySchema))?.value;
const put = (name: string) => cpSync(join(ROOT, 'test/fixtures/dicom', name), join(inbox, name), { recursive: true });

test('site run names the command that sets a policy, which works as it is printed', async () => {
  const site = await run(['--data', join(folder, 'undecided'), '--port', '0', '--endpoint', cloud.endpoint]);
  await site.untilTold(/Without a policy/);

  const [, line = ''] =
    /To set one: (.*)$/.exec(site.told.find((text) => text.includes('Without a policy')) ?? '') ?? [];
  const typed = line.replace('npx fedcardio', `${process.execPath} ${COMMAND}`);
  const { stdout } = await promisify(exec)(typed, { cwd: folder });

  expect(line).toContain('npx fedcardio site policy kiel ask --federation');
  expect(stdout).toContain('kiel asks a person about every campaign');
  expect(await site.stop()).toEqual([0, null]);
});

test('site run takes DICOM from its inbox, sends counts alone, stops at SIGTERM and goes on', async () => {
  mkdirSync(inbox);
  put('explicit');
  put('missing');
  const first = await run([...OWN, '--endpoint', cloud.endpoint, ...watching]);
  await first.untilTold(/inbox: a folder was refused, 1 reason/);
  await first.until(async () => (await summaryOf())?.cases.training === 1);

  expect(first.summary).toMatchObject({
    schema: 'fedcardio.site-run/1',
    site: 'kiel',
    bucket: 'heart-site-kiel',
    endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  });
  expect(await first.stop()).toEqual([0, null]);
  expect(readdirSync(join(inbox, 'done'))).toEqual(['explicit']);
  expect(readdirSync(join(inbox, 'refused'))).toEqual(['missing', 'missing.txt']);

  const again = await run([...OWN, '--endpoint', cloud.endpoint, ...watching]);
  // The same series again, in another transfer syntax, then four others.
  put('implicit');
  await again.untilTold(/inbox: 1 case there already/);
  put('several-series');
  await again.untilTold(/inbox: 4 cases imported/);
  const examined = (cases: Summary['cases'] | undefined) => (cases ? cases.training + cases.rejected : 0);
  await again.until(async () => examined((await summaryOf())?.cases) === 5);
  expect(await again.stop()).toEqual([0, null]);
  const sent = readSentLog(join(data, 'sent.jsonl'));
  expect(new Set(sent.map(({ key }) => key))).toEqual(new Set(['sites/kiel/summary.json']));
  expect(existsSync(join(data, 'pseudonyms'))).toBe(true);
  expect(readFileSync(join(data, 'site.log'), 'utf8')).toContain('"event":"case-examined"');
}, 180_000);

test("site run has its bucket on the hospital's own S3 server, and examines what is uploaded there", async () => {
  const own = await startEmbeddedServer({ dataDir: join(folder, 'own') });
  const { siteStore } = storesOf(createObjectStorage({ endpoint: own.endpoint }), 'heart');
  const words = ['--endpoint', cloud.endpoint, '--storage', own.endpoint, '--data', join(folder, 'other-data')];
  const { summary, until, stop } = await run(words);
  const before = (await summaryOf())?.at;

  await uploadToyCase(siteStore('kiel'), { site: 'kiel', id: 'p9', use: 'training', labels: ['hinge-points'] }, 9);

  await until(async () => (await summaryOf())?.labelled['hinge-points'] === 1);
  expect(summary.endpoint).toBe(own.endpoint);
  expect((await summaryOf())?.at).not.toBe(before);
  expect(await stop()).toEqual([0, null]);
  await own.close();
}, 120_000);

test('site run waits while its federation does not answer, and stops meanwhile', async () => {
  const nobody = 'http://127.0.0.1:1';
  const { untilTold, stop } = await run([...OWN, '--endpoint', nobody]);

  await untilTold(/The federation does not answer since \d\d:\d\d:\d\d UTC, waiting: .*127\.0\.0\.1:1/);

  expect(await stop()).toEqual([0, null]);
}, 60_000);

test("site run waits while the hospital's own S3 server does not answer, and stops meanwhile", async () => {
  const words = ['site', 'run', 'kiel', '--federation', file, '--data', data, '--endpoint', cloud.endpoint];
  const child = spawn(process.execPath, [COMMAND, ...words, '--storage', 'http://127.0.0.1:1'], { cwd: folder });
  running.push(child);
  for await (const line of createInterface({ input: child.stderr })) {
    if (/This site's storage is not reachable since .*127\.0\.0\.1:1/.test(line)) break;
  }

  child.kill('SIGTERM');

  expect(await once(child, 'exit')).toEqual([0, null]);
}, 60_000);

describe('site run refuses', () => {
  const refusal = async (...words: readonly string[]) => {
    const { code, stderr } = await runCommand(['site', 'run', ...words], folder);
    return `${code} ${stderr}`;
  };

  test.each([
    [
      'a site that the federation lacks',
      ['keil', '--federation', file],
      /^1 .*has no site "keil"\. Did you mean "kiel"\?/,
    ],
    ['a site on AWS', ['bonn', '--federation', file], /^1 .*Site "bonn" is on AWS/],
    ['a federation that is not there', ['kiel', '--federation', 'none.json'], /^1 .*none\.json/],
    [
      'a port for storage elsewhere',
      ['kiel', '--federation', file, '--storage', 'http://127.0.0.1:1', '--port', '0'],
      /^1 .*--port is for the server in --data/,
    ],
    ['a word for a number', ['kiel', '--tasks', 'many'], /^2 .*--tasks/],
  ])('%s', async (_what, words, message) => {
    expect(await refusal(...words)).toMatch(message);
  });

  test('to start without credentials for AWS', async () => {
    const without = { AWS_EC2_METADATA_DISABLED: 'true', HOME: folder, AWS_PROFILE: '', AWS_ACCESS_KEY_ID: '' };
    const before = { ...process.env };
    Object.assign(process.env, without);
    try {
      expect(await refusal('kiel', '--federation', file, '--data', data)).toMatch(/^1 .*Cannot find credentials/);
    } finally {
      process.env = before;
    }
  });

  test('a directory of another site', async () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, JSON.stringify({ ...FEDERATION, id: 'lung' }));

    expect(await refusal('kiel', '--federation', other, '--data', data, '--endpoint', cloud.endpoint)).toMatch(
      /^1 .*holds the site "kiel" of the federation "heart", not "kiel" of "lung"/,
    );
  });
});
