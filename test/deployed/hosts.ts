import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { Placed } from './deployment.ts';
import { isSamePlace } from './functions.ts';
import { resourcesOf } from './resources.ts';

/**
 * Services that a host without internet needs before a container runs on it (Amazon ECS developer guide, "Amazon ECS
 * interface VPC endpoints"; Amazon ECR user guide, the same; the log driver sends to CloudWatch Logs).
 */
const NEEDED = ['ecs', 'ecs-agent', 'ecs-telemetry', 'ecr.api', 'ecr.dkr', 'logs'];

/** Whether the network of an account and region has the interface endpoints with which hosts start containers. */
export function canHost(stacks: readonly StackTemplate[], place: Pick<Placed, 'account' | 'region'>): boolean {
  const services = resourcesOf(stacks, 'EC2::VPCEndpoint').flatMap((endpoint) =>
    isSamePlace(endpoint, place) ? [endpoint.property<string>('ServiceName')] : [],
  );
  return NEEDED.every((name) => services.includes(`com.amazonaws.${place.region}.${name}`));
}
