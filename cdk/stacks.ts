import { type App, type Stack, Tags } from 'aws-cdk-lib/core';
import { FedcardioError } from '../lib/error.ts';
import { isOnPremises, type Site } from '../lib/federation/schemas.ts';
import { placeOf, type Topology } from '../lib/federation/topology.ts';
import { checkBatchLimits } from './batch-limits.ts';
import { addDataStacks } from './data-stack.ts';
import { addFederationStack } from './federation-stack.ts';
import { addImagesStack } from './images-stack.ts';
import { addMachineStack } from './machine-stack.ts';
import { addNetworks } from './network-stack.ts';
import { addObservabilityStack } from './observability-stack.ts';
import { addSiteStack } from './site-stack.ts';
import { addTrailStacks } from './trail-stack.ts';

/**
 * Adds all stacks of a federation. Those of keys, data and images stay; the others can be deleted and created again.
 * With `onlySite`, the stacks of the coordinator are left out: somebody else deploys them.
 *
 * @param handlers the folder of the bundles that `npm run build` makes
 */
export function addStacks(app: App, topology: Topology, handlers: string): void {
  checkBatchLimits(topology.federation);
  checkId(topology.federation.id);
  const data = addDataStacks(app, topology);
  const options = { handlers, networkOf: addNetworks(app, topology.federation, handlers) };
  const trailOf = addTrailStacks(app, topology);
  // No template refers to the data stack, but a function needs its queue to exist.
  const after = (stack: Stack, index: number, site?: Site) => {
    stack.addStackDependency(data.at(index) as Stack);
    const trail = site && isOnPremises(site) ? undefined : trailOf(placeOf(topology.federation, site));
    if (trail) stack.addStackDependency(trail);
  };
  for (const [index, site] of topology.federation.sites.entries()) {
    const add = isOnPremises(site) ? addMachineStack : addSiteStack;
    after(add(app, topology, site, options), index, site);
  }
  if (topology.federation.onlySite === undefined) {
    const images = addImagesStack(app, topology.federation);
    const federation = addFederationStack(app, topology, options);
    // It lets accounts pull: a site that joins or leaves changes it too.
    federation.stack.addStackDependency(images);
    after(federation.stack, -1);
    addObservabilityStack(app, topology, federation);
  }
  addTags(app, topology.federation.tags);
}

function checkId(id: string): void {
  if (id.includes('--'))
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Federation "${id}" cannot be deployed to AWS: its image repository begins with its id, and ECR takes no two hyphens in a row.`,
      { hint: 'Choose an id without "--".' },
    );
  if (/^[a-z]/.test(id)) return;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Federation "${id}" cannot be deployed to AWS: the names of its stacks begin with its id, and have to begin with a letter.`,
    { hint: 'Choose an id that begins with a letter.' },
  );
}

/** CloudFormation replaces a compute environment whose tags change, and its name would be taken. */
const WITHOUT_TAGS = ['AWS::Batch::ComputeEnvironment'];

function addTags(app: App, tags: Readonly<Record<string, string>> = {}): void {
  for (const [name, value] of Object.entries(tags)) {
    Tags.of(app).add(name, value, { excludeResourceTypes: WITHOUT_TAGS });
  }
}
