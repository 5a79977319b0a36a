import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import { type App, Stack } from 'aws-cdk-lib/core';
import type { Federation } from '../lib/federation/schemas.ts';
import { placeOf } from '../lib/federation/topology.ts';
import { VERSION } from '../lib/version.ts';
import { repositoryName } from './gpu-task-image.ts';
import { addOutputs } from './outputs.ts';
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
    lifecycleRules: lifecycleOf(federation),
  });
  addOutputs(stack, { RepositoryUri: repository.repositoryUri });
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

/** Images that are kept beside those in use, the latest ones. */
const KEPT_IMAGES = 10;

/**
 * Expires old images, and none whose tag a stack names. An image that matches a rule is not expired by a later one (ECR user
 * guide, "Lifecycle policy evaluation"): each tag in use has a rule that matches the one image with this tag. What is in use
 * by its digest alone is kept while it is among the latest.
 */
function lifecycleOf(federation: Federation): ecr.LifecycleRule[] {
  const repository = `/${repositoryName(federation.id)}:`;
  const images = [federation, ...federation.sites].flatMap(({ image }) => image ?? []);
  const tags = images.filter((image) => image.includes(repository)).map((image) => image.split(':')[1] as string);
  const used = [...new Set([VERSION, ...tags])];
  return [
    ...used.map((tag, index) => ({
      rulePriority: index + 1,
      description: `In use: ${tag}`,
      tagStatus: ecr.TagStatus.TAGGED,
      tagPatternList: [tag],
      maxImageCount: 1,
    })),
    {
      rulePriority: used.length + 1,
      description: `The latest ${KEPT_IMAGES} images`,
      tagStatus: ecr.TagStatus.ANY,
      maxImageCount: KEPT_IMAGES,
    },
  ];
}
