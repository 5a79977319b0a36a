import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib/core';
import type { Topology } from '../lib/federation/topology.ts';
import { ROOT } from '../lib/program.ts';
import { addDataStacks } from './data-stack.ts';

/** A stack's CloudFormation template. */
export interface StackTemplate {
  readonly stackName: string;
  /** Parsed JSON. */
  readonly template: unknown;
  /** Account and region, if the stack names them. */
  readonly account?: string;
  readonly region?: string;
}

/**
 * The templates that `cdk synth` writes for the data stacks, synthesized in this process. CloudFormation's rules are not
 * checked, which would take seconds: `cdk synth` and a test check them.
 */
export const synthesizeDataStacks = (topology: Topology): readonly StackTemplate[] =>
  synthesize((app) => addDataStacks(app, topology));

/**
 * The templates of the stacks that `add` adds to an app.
 *
 * @param assembly folder that keeps the assets, such as the code of functions; by default they are deleted
 */
export function synthesize(add: (app: App) => void, assembly?: string): readonly StackTemplate[] {
  const outdir = assembly ?? mkdtempSync(join(tmpdir(), 'fedcardio-cdk-'));
  try {
    const app = new App({
      outdir,
      context: featureFlags(),
      analyticsReporting: false,
      treeMetadata: false,
      builtinCloudFormationValidation: false,
    });
    add(app);
    return app.synth().stacks.map(({ stackName, template, environment: { account, region } }) => ({
      stackName,
      template,
      ...(account.startsWith('unknown') ? {} : { account, region }),
    }));
  } finally {
    if (assembly === undefined) rmSync(outdir, { recursive: true });
  }
}

/** The feature flags of cdk.json, which the templates depend on. */
function featureFlags(): Record<string, unknown> {
  const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as {
    readonly context: Record<string, unknown>;
  };
  return context;
}
