import { existsSync, readFileSync } from 'node:fs';
import * as iam from 'aws-cdk-lib/aws-iam';
import { App, Stack, Validations } from 'aws-cdk-lib/core';
import * as cxapi from 'aws-cdk-lib/cx-api';
import { describe, expect, test } from 'vitest';
import { topologyOf } from '../lib/federation/topology.ts';
import { RUNBOOKS } from './alarms.ts';
import { FEDERATION, synthesizeAll, withHandlers } from './isolation/example-federation.ts';
import { checkRules, EXCEPTIONS, WILDCARDS } from './rules.ts';
import { addStacks } from './stacks.ts';

const { context } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: Record<string, unknown> };
const newApp = () => new App({ context: { ...context, '@aws-cdk/core:validateAgainstDefaultRules': false } });

describe('the rules of AWS Solutions and HIPAA', () => {
  test('hold for every stack and every choice of encryption, and each exception is needed', () => {
    const reasons = new Set<string>();
    for (const encryption of ['shared-key', 'key-per-bucket', 's3-managed'] as const) {
      withHandlers((handlers) => {
        const app = newApp();
        addStacks(app, topologyOf({ ...FEDERATION, encryption, trail: true }), handlers);
        checkRules(app);

        expect(() => app.synth(), encryption).not.toThrow();
        const acknowledged = app.node
          .findAll()
          .flatMap(({ node }) =>
            node.metadata
              .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
              .flatMap(({ data }) => Object.entries(data as Readonly<Record<string, string>>)),
          );
        for (const [, reason] of acknowledged) reasons.add(reason);
      });
    }
    for (const { reason } of [...EXCEPTIONS, ...WILDCARDS]) expect(reasons).toContain(reason);
  }, 180_000);

  test('refuse a role that allows every action of a service', () => {
    const app = newApp();
    const role = new iam.Role(new Stack(app, 'broken'), 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ['s3:*'], resources: ['arn:aws:s3:::b/k'] }));
    checkRules(app);

    expect(() => app.synth()).toThrow(/[Vv]alidation/);
  });
});

test('sets every feature flag in cdk.json that this version of the CDK recommends', () => {
  const recommended = Object.keys(cxapi.CURRENTLY_RECOMMENDED_FLAGS ?? {});
  expect(recommended.length).toBeGreaterThan(50);
  expect(recommended.filter((flag) => !(flag in context))).toEqual([]);
});

describe('alarms and notices', () => {
  test('each name their runbook and have a receiver', () => {
    const resources = synthesizeAll(FEDERATION).flatMap(({ template }) =>
      Object.values((template as { Resources: Record<string, { Type: string; Properties: Properties }> }).Resources),
    );
    const of = (type: string) => resources.filter(({ Type }) => Type === type).map(({ Properties }) => Properties);
    const alarms = of('AWS::CloudWatch::Alarm');
    const notices = of('AWS::Events::Rule').flatMap(({ Targets = [] }) =>
      Targets.flatMap(({ InputTransformer }) => InputTransformer?.InputTemplate ?? []),
    );
    const texts = [...alarms.map(({ AlarmDescription }) => AlarmDescription), ...notices];

    const pages = texts.map((text) => /docs\/operation\/([\w-]+)\.md"?$/.exec(String(text))?.[1]);
    expect(new Set(pages)).toEqual(new Set(RUNBOOKS));
    for (const page of RUNBOOKS) expect(existsSync(`docs/operation/${page}.md`), page).toBe(true);
    for (const { AlarmActions } of alarms) expect(AlarmActions).toHaveLength(1);
  });
});

interface Properties {
  readonly AlarmDescription?: string;
  readonly AlarmActions?: readonly unknown[];
  readonly Targets?: readonly { readonly InputTransformer?: { readonly InputTemplate: string } }[];
}
