import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND, runCommand } from '../cli/testing.ts';
import { campaignSchema, federationSchema } from '../lib/federation/schemas.ts';
import { readNifti } from '../lib/imaging/nifti-read.ts';
import { writeNifti } from '../lib/imaging/nifti-write.ts';
import { generatePhantom } from '../lib/phantom/phantom.ts';
import { scannerOf } from '../lib/phantom/scanner.ts';
import type { Report } from '../lib/report/report.ts';
import { decodeSafetensors } from '../lib/weights/safetensors.ts';
import { lockDirectory } from '../local/emulator/lock.ts';

/** The commands of the tutorial, in its folder. Those that train are shortened with --quick where they choose the stages. */
const COMMANDS = [...readFileSync('docs/tutorials/own-data.md', 'utf8').matchAll(/^ *npx fedcardio (.+)$/gm)].map(
  ([, text = '']) => text.split(' '),
);

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'fedcardio-own-data-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

const read = (file: string) => readFileSync(join(cwd, file));
const readReport = (out: string) => JSON.parse(read(`${out}/report.json`).toString()) as Report;

async function run(args: readonly string[] | undefined, ...more: readonly string[]) {
  const { code, stdout, stderr } = await runCommand([...(args ?? []), ...more], cwd);
  expect(code, stderr).toBe(0);
  return { stdout, stderr };
}

/** Interrupts a command with Ctrl-C as soon as its progress matches. */
function runUntil(progress: RegExp, args: readonly string[]) {
  return new Promise<{ readonly code: number | null; readonly stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const before = progress.test(stderr);
      stderr += text;
      if (!before && progress.test(stderr)) child.kill('SIGINT');
    });
    child.on('close', (code) => resolve({ code, stderr }));
  });
}

/** A data set of nnU-Net 2 of coarse phantoms, with the masks of calcium under a new name. */
function writeNnunet(dir: string, cases: number): void {
  for (const folder of ['imagesTr', 'labelsTr']) mkdirSync(join(dir, folder), { recursive: true });
  for (let seed = 1; seed <= cases; seed++) {
    const scanner = { ...scannerOf(seed, 1), pixelMm: 3.1, sliceMm: 3.7 };
    const { image, masks } = generatePhantom({ seed, scanner, fieldOfViewMm: 96 });
    writeFileSync(join(dir, 'imagesTr', `valve_${seed}_0000.nii.gz`), writeNifti(image));
    writeFileSync(join(dir, 'labelsTr', `valve_${seed}.nii.gz`), writeNifti(masks.calcification));
  }
  const labels = { background: 0, plaque: 1 };
  const dataset = { channel_names: { 0: 'CT' }, labels, numTraining: cases, file_ending: '.nii.gz' };
  writeFileSync(join(dir, 'dataset.json'), JSON.stringify(dataset));
}

describe('the tutorial for own data', () => {
  const [bonn, jena, train, again, nnunet] = COMMANDS;

  test('goes from phantoms to report, model and predictions, whatever is rejected', async () => {
    await run(bonn);
    await run(jena);
    const broken = join(cwd, 'data/bonn/cases/p003/image.nii.gz');
    writeFileSync(broken, readFileSync(broken).subarray(0, 10_000));

    const { stdout, stderr } = await run(train, '--quick');

    const report = readReport('results');
    expect(report.status).toBe('completed');
    expect(report.rejected).toEqual([expect.objectContaining({ site: 'bonn', key: 'cases/p003/image.nii.gz' })]);
    expect(stderr).toContain('rejected  bonn/cases/p003/image.nii.gz: ');
    expect(stderr.indexOf('rejected  bonn')).toBeLessThan(stderr.indexOf('round 1'));
    expect(stdout).toContain('Calcification');
    expect(Object.keys(report.metrics.student)).toHaveLength(3);
    expect(readdirSync(join(cwd, 'results/predictions'))).toHaveLength(6);
    expect(decodeSafetensors(read('results/student.safetensors')).size).toBeGreaterThan(10);
    federationSchema.parse(JSON.parse(read('results/federation.json').toString()));
    const release = await lockDirectory(join(cwd, '.fedcardio/train/server'));
    await release();
  }, 600_000);

  test('trains again with the changed campaign', async () => {
    const campaign = campaignSchema.parse(JSON.parse(read('results/campaign.json').toString()));
    const stages = campaign.stages.filter(({ name }) => name === 'teacher/calcification');
    writeFileSync(join(cwd, 'results/campaign.json'), JSON.stringify({ ...campaign, id: 'changed', stages }));

    await run(again);

    expect(readReport('results-2')).toMatchObject({ campaign: 'changed', stages: [{ name: 'teacher/calcification' }] });
    expect(readReport('results').campaign).toBe('train-1');
  }, 300_000);

  test('continues after Ctrl-C with the line that it prints, and serves a finished run again', async () => {
    const interrupted = await runUntil(/round 1/, [...(again ?? []).slice(0, -1), 'results-3']);

    expect(interrupted).toMatchObject({ code: 130 });
    const [, line = ''] = /To continue: npx fedcardio (.+)/.exec(interrupted.stderr) ?? [];
    const other = await runCommand([...(train ?? []).slice(0, -1), 'other'], cwd);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--data .fedcardio/train --out results-3'),
    });
    expect(existsSync(join(cwd, 'other'))).toBe(false);
    const { stderr } = await run(['train', '--resume']);
    expect(stderr).toContain('Continuing the run in .fedcardio/train.');
    expect(stderr).not.toContain('uploading');
    expect(readReport('results-3')).toMatchObject({ campaign: 'changed', status: 'completed' });

    const kept = await runUntil(/Everything keeps running/, [...line.split(' '), '--keep']);
    expect(kept).toMatchObject({ code: 0, stderr: expect.stringContaining(`To go on: npx fedcardio ${line} --keep`) });
  }, 300_000);

  test('trains on a data set of nnU-Net, whose labels become a task of the federation', async () => {
    writeNnunet(join(cwd, 'Dataset042_Valve'), 5);

    await run(nnunet, '--quick');

    const federation = federationSchema.parse(JSON.parse(read('valve/federation.json').toString()));
    expect(federation.tasks?.at(-1)).toMatchObject({ id: 'valve', classes: ['plaque'] });
    expect(federation.sites.map(({ id }) => id)).toEqual(['all-1', 'all-2']);
    const report = readReport('valve');
    expect(report.tasks.map(({ id }) => id)).toEqual(['valve']);
    expect(report.sites.reduce((sum, { cases }) => sum + cases.training + cases.evaluation, 0)).toBe(5);
    const [map = ''] = readdirSync(join(cwd, 'valve/predictions'));
    expect(readNifti(read(`valve/predictions/${map}`)).shape.every((count) => count > 1)).toBe(true);
    expect(existsSync(join(cwd, 'valve/student.safetensors'))).toBe(true);
  }, 300_000);
});
