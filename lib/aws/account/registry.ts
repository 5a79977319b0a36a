import { DescribeImagesCommand, ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { FedcardioError } from '../../error.ts';
import { type AccountOptions, attempt, configOf, unless } from './attempt.ts';

/** A place in ECR: `account.dkr.ecr.region.amazonaws.com/repository`, with a tag or a digest. */
export interface ImageName {
  readonly registry: string;
  readonly account: string;
  readonly region: string;
  readonly repository: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const IMAGE = /^((\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[a-z.]+)\/([^:@]+)(?::([^@]+))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** Parses the name of an image in ECR; undefined for any other text. */
export function parseImageName(text: string): ImageName | undefined {
  const match = IMAGE.exec(text);
  if (!match) return undefined;
  const [, registry, account, region, repository, tag, digest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string | undefined,
    string | undefined,
  ];
  return { registry, account, region, repository, tag, digest };
}

/** An image that ECR has. */
export interface StoredImage {
  readonly digest: string;
  readonly bytes: number;
  readonly pushedAt: Date | undefined;
}

/** Looks an image up in its region. Undefined if there is no such repository, tag or digest. */
export async function findImage(
  options: AccountOptions,
  { account, region, repository, tag, digest }: ImageName,
): Promise<StoredImage | undefined> {
  const client = new ECRClient(configOf({ ...options, region }));
  const imageIds = [digest === undefined ? { imageTag: tag } : { imageDigest: digest }];
  const found = await attempt(`look up image ${repository}:${tag ?? digest}`, () =>
    unless(['ImageNotFoundException', 'RepositoryNotFoundException'], () =>
      client.send(new DescribeImagesCommand({ registryId: account, repositoryName: repository, imageIds })),
    ),
  );
  const [image] = found?.imageDetails ?? [];
  if (image?.imageDigest === undefined) return undefined;
  return { digest: image.imageDigest, bytes: image.imageSizeInBytes ?? 0, pushedAt: image.imagePushedAt };
}

/** User and password for the registry, which are valid for 12 hours. */
export async function registryLogin(
  options: AccountOptions,
  { region }: Pick<ImageName, 'region'>,
): Promise<{ readonly user: string; readonly password: string }> {
  const client = new ECRClient(configOf({ ...options, region }));
  const { authorizationData = [] } = await attempt('log in to ECR', () =>
    client.send(new GetAuthorizationTokenCommand({})),
  );
  const token = Buffer.from(authorizationData[0]?.authorizationToken ?? '', 'base64').toString();
  const colon = token.indexOf(':');
  if (colon < 1) throw new FedcardioError('STORAGE', 'ECR has returned no token.', { hint: 'Try again.' });
  return { user: token.slice(0, colon), password: token.slice(colon + 1) };
}
