import { Aws } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Federation, Site } from '../lib/federation/schemas.ts';
import { placeOf } from '../lib/federation/topology.ts';
import { VERSION } from '../lib/version.ts';
import { accountOf, regionOf } from './arns.ts';

/** A container image of GPU tasks. */
export interface GpuTaskImage {
  readonly uri: string;
  readonly repositoryArn: string;
}

/** The federation's own image repository, in a stack of its own. */
export const repositoryName = (federation: string): string => `${federation}/tasks`;

/** The image that federation.json names for the site or for all sites. Default: this version, in the federation's repository. */
export function gpuTaskImage(scope: Construct, federation: Federation, site?: Site): GpuTaskImage {
  const named = site?.image ?? federation.image;
  if (named !== undefined) {
    const [, account, region, repository] = /^(\d+)\.dkr\.ecr\.([\w-]+)\.[^/]+\/([^:@]+)/.exec(
      named,
    ) as RegExpExecArray;
    return { uri: named, repositoryArn: `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${repository}` };
  }
  const account = accountOf(scope, placeOf(federation));
  const region = regionOf(scope, placeOf(federation));
  const repository = repositoryName(federation.id);
  return {
    uri: `${account}.dkr.ecr.${region}.${Aws.URL_SUFFIX}/${repository}:${VERSION}`,
    repositoryArn: `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${repository}`,
  };
}
