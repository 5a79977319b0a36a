import type { App } from 'aws-cdk-lib/core';
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
  addDataStacks(app, topology);
  const options = { handlers, networkOf: addNetworks(app, topology.federation) };
  for (const site of topology.federation.sites) addSiteStack(app, topology, site, options);
  addObservabilityStack(app, topology, addFederationStack(app, topology, options));
}
