import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { COMMAND } from '../testing.ts';
import { runExperiment } from './run-experiment.ts';

const RESULTS = join(import.meta.dirname, '../../docs/results/small');

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-experiment-'));
  mkdirSync(join(root, 'out/small'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

/** A seed that an earlier call has finished. */
function finished(seed: number): void {
  cpSync(join(RESULTS, 'seed-1001.json'), join(root, `out/small/seed-${seed}.json`));
  mkdirSync(join(root, `data/small-${seed}/server`), { recursive: true });
  const state = { schema: 'fedcardio.demo/1', profile: 'experiment', seed, finished: true, peakRss: 1 };
  writeFileSync(join(root, `data/small-${seed}/demo.json`), JSON.stringify(state));
}

const places = () => ({ out: join(root, 'out'), data: join(root, 'data') });

test('what continues an interrupted experiment with --fresh keeps its work, and takes no earlier results', async () => {
  finished(1);
  finished(2);
  const { out, data } = places();
  const args = ['experiment', '--fresh', '--seeds', '1,2', '--out', out, '--data', data];

  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (!said.includes('S3 and SQS at') && (said + text).includes('S3 and SQS at')) child.kill('SIGINT');
    said += text;
  });
  await new Promise((ended) => child.on('close', ended));

  expect(said).toContain(`To continue: npx fedcardio experiment --seeds 1,2 --out ${out} --data ${data}\n`);
  expect(readdirSync(join(root, 'out/small'))).toEqual([]);
  expect(existsSync(join(data, 'small-1/demo.json'))).toBe(true);
  expect(existsSync(join(data, 'small-2'))).toBe(false);
}, 120_000);

test('takes the seeds that have results', async () => {
  finished(1);

  await runExperiment({
    ...places(),
    profile: 'small',
    seeds: [1],
    tasks: 1,
    fresh: false,
    json: false,
    resumeWith: '',
    command: '',
    signal: AbortSignal.abort(),
  });

  expect(existsSync(join(root, 'out/small/README.md'))).toBe(true);
});
