import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { type StackTemplate, synthesizeDataStacks } from '../../cdk/synthesize.ts';
import { type ConnectionOptions, connection } from '../../lib/aws/clients.ts';
import { serviceFailure } from '../../lib/aws/failures.ts';
import { describeError, endSentence, FedcardioError } from '../../lib/error.ts';
import type { Topology } from '../../lib/federation/topology.ts';
import { provision } from './provision.ts';
import { deployStack } from './stacks.ts';

/**
 * Deploys a topology's data stacks to an endpoint: with CloudFormation if the endpoint has it, as LocalStack does, or by
 * replaying the same templates if it has S3 and SQS only, as the embedded server does. Updates existing resources and
 * keeps their content. Idempotent.
 *
 * @returns one line on how it was deployed and what was not applied
 * @throws FedcardioError STORAGE if the endpoint does not answer, or a resource cannot be created
 * @example
 * say(await deploy('http://127.0.0.1:4566', topologyOf(federation)));
 */
export async function deploy(endpoint: string, topology: Topology): Promise<string> {
  const templates = synthesizeDataStacks(topology);
  const cloudFormation = new CloudFormationClient(connection({ endpoint }, 1));
  try {
    if (!(await hasCloudFormation(cloudFormation, endpoint))) {
      return replayed(templates, { endpoint });
    }
    // Sequential, because emulators deploy no faster in parallel, and AWS throttles.
    for (const template of templates) await deployStack(cloudFormation, template);
    return `${templates.length} data stacks deployed by CloudFormation`;
  } finally {
    cloudFormation.destroy();
  }
}

/** Like {@link deploy}, by replay only, for storage that needs credentials of its own. */
export const replay = (connection: ConnectionOptions, topology: Topology): Promise<string> =>
  replayed(synthesizeDataStacks(topology), connection);

async function replayed(templates: readonly StackTemplate[], connection: ConnectionOptions): Promise<string> {
  const notApplied = await provision(templates, connection);
  return `${templates.length} data stacks replayed; not applied here: ${notApplied.join(', ')}`;
}

/** Statuses of a server that takes the request for an S3 request, and of LocalStack without the service. */
const WITHOUT_CLOUDFORMATION = [405, 501];

async function hasCloudFormation(cloudFormation: CloudFormationClient, endpoint: string): Promise<boolean> {
  try {
    await cloudFormation.send(new ListStacksCommand({}));
    return true;
  } catch (cause) {
    const { status } = serviceFailure(cause);
    if (status !== undefined && WITHOUT_CLOUDFORMATION.includes(status)) return false;
    throw new FedcardioError('STORAGE', endSentence(`Cannot list the stacks of ${endpoint}: ${describeError(cause)}`), {
      cause,
      hint: 'Check that it runs. Start LocalStack with `npm run localstack`, or the embedded server with `npx fedcardio local`.',
    });
  }
}
