import { expect, test } from 'vitest';
import { runCommand } from '../cli/testing.ts';
import { readFederation } from './read-federation.ts';

test.each([
  ['bundle --site heidelberg', '--federation FILE'],
  ['deploy-info', '--federation FILE'],
  ['image push', '--federation FILE'],
  ['doctor --aws', '--aws FILE'],
])('a missing federation.json is told with the option of the command: %s', async (line, option) => {
  const { code, stderr } = await runCommand(line.split(' '), import.meta.dirname);

  expect(code).toBe(1);
  expect(stderr).toContain(`or name a file with ${option}.`);
});

test('the CDK names its own option', () => {
  expect(() => readFederation('nowhere.json', '-c federation=FILE')).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('-c federation=FILE') }),
  );
});
