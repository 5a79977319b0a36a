import type { App, Stack } from 'aws-cdk-lib/core';
import type { Topology } from '../lib/federation/topology.ts';
import { addDataStacks } from './data-stack.ts';
import { addFederationStack } from './federation-stack.ts';
import { addNetworks } from './network-stack.ts';
import { addObservabilityStack } from './observability-stack.ts';
import { addSiteStack } from './site-stack.ts';

/**
 * All stacks of a federation. Those of data stand alone and stay; the others can be deleted and made again.
 *
 * @param handlers the folder of bundles that `npm run build` makes
 */
export function addStacks(app: App, topology: Topology, handlers: string): void {
  const data = addDataStacks(app, topology);
  const options = { handlers, networkOf: addNetworks(app, topology.federation) };
  // Nothing refers to it, but a function cannot be given a queue that is not there.
  const after = (stack: Stack, index: number) => stack.addStackDependency(data.at(index) as Stack);
  for (const [index, site] of topology.federation.sites.entries()) {
    after(addSiteStack(app, topology, site, options), index);
  }
  const federation = addFederationStack(app, topology, options);
  after(federation.stack, -1);
  addObservabilityStack(app, topology, federation);
}
