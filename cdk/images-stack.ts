import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { type App, Stack } from 'aws-cdk-lib/core';
import type { Federation } from '../lib/federation/schemas.ts';
import { placeOf } from '../lib/federation/topology.ts';
import { repositoryName } from './gpu-task-image.ts';
import { environmentOf, KEPT, withoutBootstrapRule } from './stack-options.ts';

/**
 * The repository of the GPU tasks' image. The accounts of sites may pull from it. Not in the federation's data stack, since
 * emulators of CloudFormation have no ECR.
 */
export function addImagesStack(app: App, federation: Federation): Stack {
  const stack = new Stack(app, `${federation.id}-images`, {
    ...environmentOf(placeOf(federation)),
    description: `fedcardio: image repository of federation ${federation.id}`,
    terminationProtection: true,
    synthesizer: withoutBootstrapRule(),
  });
  const repository = new ecr.Repository(stack, 'Images', {
    repositoryName: repositoryName(federation.id),
    imageScanOnPush: true,
    imageTagMutability: ecr.TagMutability.IMMUTABLE,
    encryption: ecr.RepositoryEncryption.KMS,
    removalPolicy: KEPT,
  });
  const accounts = new Set(federation.sites.flatMap(({ account }) => account ?? []));
  accounts.delete(federation.account ?? '');
  if (accounts.size === 0) return stack;
  repository.addToResourcePolicy(
    new iam.PolicyStatement({
      principals: [...accounts].map((account) => new iam.AccountPrincipal(account)),
      actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
    }),
  );
  return stack;
}
