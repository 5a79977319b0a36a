import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { type CheckovReport, checkov } from './checkov.ts';
import { CHECKOV_EXCEPTIONS } from './checkov-exceptions.ts';
import { judge } from './checkov-findings.ts';
import { FEDERATIONS } from './federations.ts';
import { python } from './python.ts';
import { distinctStacks, writeTemplates } from './templates.ts';

const folder = mkdtempSync(join(tmpdir(), 'fedcardio-checkov-'));
afterAll(() => rmSync(folder, { recursive: true }));

const check = (stacks: readonly StackTemplate[]): Promise<CheckovReport> => {
  const own = mkdtempSync(join(folder, 'templates-'));
  writeTemplates(stacks, own);
  return checkov(python, own);
};

/** Resources by the check that finds what is wrong with them: all in one run, since a start of checkov takes seconds. */
const WRONG = {
  // No encryption.
  CKV_AWS_27: { Type: 'AWS::SQS::Queue', Properties: { SqsManagedSseEnabled: false } },
  // Public.
  CKV_AWS_20: { Type: 'AWS::S3::Bucket', Properties: { AccessControl: 'PublicRead' } },
  // Does not rotate.
  CKV_AWS_7: { Type: 'AWS::KMS::Key', Properties: { EnableKeyRotation: false } },
  // A secret in the environment of a function.
  CKV_AWS_45: {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Environment: {
        Variables: { FEDCARDIO_FEDERATION: '{"account":"111122223333"}', KEY: 'AKIAIOSFODNN7EXAMPLE' },
      },
    },
  },
};

let stacks: readonly StackTemplate[];
let report: CheckovReport;
beforeAll(async () => {
  stacks = distinctStacks(Object.values(FEDERATIONS));
  report = await check(stacks);
});

describe('checkov', () => {
  test('reads every template', () => {
    expect(report.unread).toBe(0);
    expect(report.passed).toBeGreaterThan(1000);
  });

  test('finds nothing that no exception explains', () => {
    expect(judge(report.findings, stacks, CHECKOV_EXCEPTIONS).unexplained).toEqual([]);
  });

  test('needs every exception', () => {
    expect(judge(report.findings, stacks, CHECKOV_EXCEPTIONS).unneeded).toEqual([]);
  });

  test('has an exception that is no longer needed reported', () => {
    const unneeded = { check: 'CKV_AWS_18', reason: 'No resource has this type.', applies: () => false };

    expect(judge(report.findings, stacks, [...CHECKOV_EXCEPTIONS, unneeded]).unneeded).toEqual([unneeded]);
  });

  test('finds what is wrong', async () => {
    const wrong = Object.entries(WRONG).map(([id, resource]) => ({
      stackName: id,
      template: { Resources: { Broken: resource } },
    }));

    const { findings } = await check(wrong);

    const { unexplained } = judge(findings, wrong, CHECKOV_EXCEPTIONS);
    expect(unexplained).toEqual(
      expect.arrayContaining(
        Object.keys(WRONG).map((id) => expect.objectContaining({ check: id, stackName: id, logicalId: 'Broken' })),
      ),
    );
  });
});
