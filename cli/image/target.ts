import { repositoryName } from '../../cdk/gpu-task-image.ts';
import { type ImageName, parseImageName } from '../../lib/aws/account/registry.ts';
import { FedcardioError } from '../../lib/error.ts';
import type { Federation, Site } from '../../lib/federation/schemas.ts';

/**
 * Where an image is pushed to: the repository that federation.json names for the site or the federation, otherwise the
 * federation's own.
 *
 * @param here account and region of the caller, for what federation.json leaves out
 */
export function targetOf(
  federation: Federation,
  site: Site | undefined,
  here: { readonly account: string; readonly region: string },
  tag: string,
): ImageName {
  const named = site ? site.image : federation.image;
  if (named !== undefined) {
    const image = parseImageName(named);
    if (image) return { ...image, tag, digest: undefined };
    throw new FedcardioError('BAD_CONFIGURATION', `"${named}" is no image in ECR.`, {
      hint: 'Correct image in federation.json.',
    });
  }
  if (site) {
    throw new FedcardioError('BAD_CONFIGURATION', `Site ${site.id} uses the federation's image.`, {
      hint: 'Leave out --site, or name a repository for it in federation.json (image).',
    });
  }
  const { account = here.account, region = here.region } = federation;
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const registry = `${account}.dkr.ecr.${region}.${suffix}`;
  return { registry, account, region, repository: repositoryName(federation.id), tag, digest: undefined };
}

/** The image with its digest, which nobody can replace. */
export const pinned = ({ registry, repository }: ImageName, digest: string): string =>
  `${registry}/${repository}@${digest}`;

/** federation.json with another image for the federation or for a site. Other fields, and their order, stay. */
export function withImage(text: string, site: string | undefined, image: string): string {
  const document = JSON.parse(text) as { sites: { id: string; image?: string }[]; image?: string };
  const changed =
    site === undefined
      ? { ...document, image }
      : { ...document, sites: document.sites.map((one) => (one.id === site ? { ...one, image } : one)) };
  return `${JSON.stringify(changed, null, 2)}\n`;
}
