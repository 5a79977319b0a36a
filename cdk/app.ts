/**
 * Entry point of the CDK: `npx cdk synth '**'`, with the federation of federation.json or of `-c federation=FILE`. Needs
 * no credentials, no network and no container engine.
 */
import { App } from 'aws-cdk-lib/core';
import { describeError } from '../lib/error.ts';
import { topologyOf } from '../lib/federation/topology.ts';
import { readFederation } from './read-federation.ts';
import { checkRules } from './rules.ts';
import { addStacks } from './stacks.ts';

try {
  const app = new App();
  const federation = readFederation(
    (app.node.tryGetContext('federation') as string | undefined) ?? 'federation.json',
    '-c federation=FILE',
  );
  addStacks(app, topologyOf(federation), 'dist/handlers');
  checkRules(app);
  app.synth();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
