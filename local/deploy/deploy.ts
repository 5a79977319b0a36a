import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { synthesizeDataStacks } from '../../cdk/synthesize.ts';
import { connection } from '../../lib/aws/clients.ts';
import { serviceFailure } from '../../lib/aws/failures.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { Topology } from '../../lib/federation/topology.ts';
import { provision } from './provision.ts';
import { deployStack } from './stacks.ts';

/**
 * Brings a topology's data stacks to an endpoint: by CloudFormation where the endpoint has it, as LocalStack does,
 * and by replaying the same templates where it has S3 and SQS alone, as the embedded server does. What is there is
 * kept and brought up to date; doing it again changes nothing.
 *
 * @returns one line that says how, and what was not applied
 * @throws FedcardioError STORAGE when nobody answers, or when a resource cannot be created
 * @example
 * say(await deploy('http://127.0.0.1:4566', topologyOf(federation)));
 */
export async function deploy(endpoint: string, topology: Topology): Promise<string> {
  const templates = synthesizeDataStacks(topology);
  const cloudFormation = new CloudFormationClient(connection({ endpoint }, 1));
  try {
    if (!(await hasCloudFormation(cloudFormation, endpoint))) {
      const notApplied = await provision(templates, { endpoint });
      return `${templates.length} data stacks replayed; not applied here: ${notApplied.join(', ')}`;
    }
    // One after the other: emulators deploy no faster side by side, and AWS throttles.
    for (const template of templates) await deployStack(cloudFormation, template);
    return `${templates.length} data stacks deployed by CloudFormation`;
  } finally {
    cloudFormation.destroy();
  }
}

/** How a server answers that has S3 alone, and takes the request for one to S3; and LocalStack without the service. */
const WITHOUT_CLOUDFORMATION = [405, 501];

async function hasCloudFormation(cloudFormation: CloudFormationClient, endpoint: string): Promise<boolean> {
  try {
    await cloudFormation.send(new ListStacksCommand({}));
    return true;
  } catch (cause) {
    const { status } = serviceFailure(cause);
    if (status !== undefined && WITHOUT_CLOUDFORMATION.includes(status)) return false;
    throw new FedcardioError('STORAGE', `Cannot ask ${endpoint} for its stacks: ${(cause as Error).message}`, {
      cause,
      hint: 'Does it run? Start LocalStack with `npm run localstack`, or the embedded server with `fedcardio local`.',
    });
  }
}
