import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { ACCEPTED_WARNINGS, cfnLint, type LintFinding } from './cfn-lint.ts';
import { FEDERATIONS } from './federations.ts';
import { python } from './python.ts';
import { distinctStacks, writeTemplates } from './templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-lint-'));
afterAll(() => rmSync(folder, { recursive: true }));

let stacks: readonly StackTemplate[];
let findings: readonly LintFinding[];
beforeAll(async () => {
  stacks = distinctStacks(Object.values(FEDERATIONS));
  const files = writeTemplates(stacks, folder);
  findings = (await Promise.all([...files].map(([region, some]) => cfnLint(python, region, some)))).flat();
});

describe('cfn-lint', () => {
  test('finds no error in the templates of any federation', () => {
    for (const index of Object.keys(FEDERATIONS).keys()) {
      expect(stacks.some(({ stackName }) => stackName.startsWith(`${index + 1}-`))).toBe(true);
    }
    expect(findings.filter(({ isError }) => isError)).toEqual([]);
  });

  test('warns of nothing but what is accepted, and of all that', () => {
    const rules = new Set(findings.filter(({ isError }) => !isError).map(({ rule }) => rule));

    expect([...rules].sort()).toEqual(Object.keys(ACCEPTED_WARNINGS).sort());
  });

  test.for([
    ['a property that does not exist', { Type: 'AWS::SQS::Queue', Properties: { Colour: 'red' } }],
    ['a value out of bounds', { Type: 'AWS::SQS::Queue', Properties: { MessageRetentionPeriod: 5_000_000 } }],
    ['a reference to nothing', { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Nowhere' } } }],
  ] as const)('finds %s', async ([, resource]) => {
    const broken = { stackName: 'broken', template: { Resources: { Broken: resource } } };
    const files = writeTemplates([broken], mkdtempSync(join(folder, 'broken-')));

    const found = await cfnLint(python, 'eu-central-1', [...files.values()].flat());

    expect(found.filter(({ isError }) => isError)).not.toEqual([]);
  });
});
