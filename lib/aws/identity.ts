import { createS3Client } from './clients.ts';
import { storageError } from './failures.ts';

/** The credentials that requests are signed with. */
export interface Identity {
  /** The id of the access key, which is no secret. */
  readonly accessKeyId: string;
  readonly expiresAt: Date | undefined;
  readonly region: string;
}

/**
 * Finds credentials and region as every client does.
 *
 * @throws FedcardioError STORAGE if there are none
 */
export async function identityOf(options: Parameters<typeof createS3Client>[0] = {}): Promise<Identity> {
  try {
    const { config } = createS3Client(options);
    const [{ accessKeyId, expiration }, region] = await Promise.all([config.credentials(), config.region()]);
    return { accessKeyId, expiresAt: expiration, region };
  } catch (error) {
    throw storageError(error, 'find credentials');
  }
}
