import type { ConnectionOptions } from './clients.ts';

/**
 * How the machine of an on-premises site reaches its own storage, whose credentials are not those of the federation. The
 * environment variables are part of the container's contract (docs/container.md).
 */
const VARIABLES = {
  endpoint: 'FEDCARDIO_SITE_ENDPOINT',
  accessKeyId: 'FEDCARDIO_SITE_ACCESS_KEY_ID',
  secretAccessKey: 'FEDCARDIO_SITE_SECRET_ACCESS_KEY',
} as const;

/** S3 and SQS need a region for their signatures. Servers in a hospital have none. */
const REGION = 'us-east-1';

/** The connection to the site's own storage; undefined if it is where the federation's is. */
export function siteConnection(
  env: NodeJS.ProcessEnv,
  endpoint = env[VARIABLES.endpoint],
): ConnectionOptions | undefined {
  if (!endpoint) return undefined;
  const accessKeyId = env[VARIABLES.accessKeyId] || 'local';
  const secretAccessKey = env[VARIABLES.secretAccessKey] || 'local';
  return { endpoint, region: REGION, credentials: { accessKeyId, secretAccessKey } };
}

/** The environment from which a child process makes the same connection. */
export const siteEnvironment = ({ endpoint, credentials }: ConnectionOptions): Readonly<Record<string, string>> => ({
  [VARIABLES.endpoint]: endpoint ?? '',
  [VARIABLES.accessKeyId]: credentials?.accessKeyId ?? '',
  [VARIABLES.secretAccessKey]: credentials?.secretAccessKey ?? '',
});
