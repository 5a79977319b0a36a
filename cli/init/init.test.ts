import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { campaignSchema, federationSchema } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../../lib/federation/tasks.ts';
import { parseJson } from '../../lib/json.ts';
import { runCommand } from '../testing.ts';
import { askAnswers } from './ask.ts';
import { campaignOf, federationOf } from './documents.ts';

const root = mkdtempSync(join(tmpdir(), 'fedcardio-init-'));
afterAll(() => rmSync(root, { recursive: true }));
const START = { id: 'heart', sites: ['bonn', 'jena'], campaign: 'first', tasks: ['hinge-points'] };

describe('the files', () => {
  test('are a federation and a campaign, with a student as soon as there are several tasks', () => {
    const kinds = (tasks: string[]) => campaignOf({ ...START, tasks }, DEFAULT_TASKS).stages.map(({ kind }) => kind);

    expect(federationOf({ ...START, sites: ['st-georg'] }).sites).toEqual([{ id: 'st-georg', name: 'St Georg' }]);
    expect(kinds(['calcification'])).toEqual(['teacher', 'evaluate']);
    expect(kinds(['calcification', 'hinge-points'])).toEqual([
      'teacher',
      'teacher',
      'pseudo-label',
      'student',
      'evaluate',
    ]);
  });

  test('are refused with what is wrong', () => {
    expect(() => federationOf({ ...START, sites: ['Bonn!'] })).toThrow(/sites\[0\]\.id/);
    expect(() => federationOf({ ...START, sites: ['bonn', 'bonn'] })).toThrow(/used twice/);
    expect(() => federationOf({ ...START, region: 'eu-central-1' })).toThrow(/account is missing/);
    expect(() => campaignOf({ ...START, tasks: ['calcificaton'] }, DEFAULT_TASKS)).toThrow(/calcificaton/);
  });
});

test('asks again after an answer that cannot be used, and takes what is suggested for none', async () => {
  const typed = ['Heart!', 'heart', 'bonn jena', 'calcification', '', ''];
  const said: string[] = [];

  const answers = await askAnswers(
    { question: async () => typed.shift() ?? '' },
    (line) => said.push(line),
    START,
    DEFAULT_TASKS,
  );

  expect(answers).toEqual({ ...START, tasks: ['calcification'] });
  expect(said).toHaveLength(1);
});

test('the command writes both files, says what to do next, and replaces nothing without --force', async () => {
  const out = join(root, 'a federation');
  const args = ['init', '--yes', '--id', 'heart', '--sites', 'bonn,jena', '--out', out];
  const first = await runCommand(args);

  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain(`npx fedcardio cost '${out}/federation.json' --campaign '${out}/campaign.json'`);
  const federation = join(out, 'federation.json');
  expect(parseJson(readFileSync(federation), federationSchema, 'f')).toMatchObject({ id: 'heart' });
  expect(parseJson(readFileSync(join(out, 'campaign.json')), campaignSchema, 'c').id).toBe('first');
  writeFileSync(federation, 'mine');
  expect(await runCommand(args)).toMatchObject({ code: 1, stderr: expect.stringContaining('--force') });
  expect(readFileSync(federation, 'utf8')).toBe('mine');
  expect(await runCommand([...args, '--force', '--json'])).toMatchObject({ code: 0 });
  expect(readFileSync(federation, 'utf8')).toContain('heart');
});

test('the command does not wait for answers without a terminal', async () => {
  expect(await runCommand(['init', '--out', root])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: There is no terminal to ask on\. .*--yes/),
  });
});
