import type { FedcardioError } from '../../error.ts';
import { type ConnectionOptions, connection } from '../clients.ts';
import { attemptWith, serviceFailure, storageError } from '../failures.ts';

/** Which account and region to look at. Default: those of the environment. */
export type AccountOptions = Pick<ConnectionOptions, 'endpoint' | 'region' | 'profile' | 'credentials'>;

/** Looks are few, and most are made one after another. */
const SOCKETS = 16;

/** Configuration of the SDK's clients that look at an account. */
export const configOf = (options: AccountOptions) => connection(options, SOCKETS);

/** Runs a request. @throws FedcardioError like `storageError` */
export const attempt = attemptWith(storageError);

/** Names of the answer "this identity may not": they differ between services. */
const DENIED = /^(AccessDenied.*|Unauthorized.*|Authorization(Error|ErrorException)|NotAuthorized.*|Forbidden)$/;

/** Whether AWS has refused a request for lack of permission. */
export function isDenied(error: unknown): boolean {
  const { name, status } = serviceFailure((error as FedcardioError | undefined)?.cause ?? error);
  return DENIED.test(name) || (status === 403 && !/Token|AccessKey|Signature|AuthFailure|Expired/.test(name));
}

/** The result of a request, or undefined if AWS answers with one of these errors. */
export async function unless<T>(names: readonly string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (names.includes(serviceFailure(error).name)) return undefined;
    throw error;
  }
}
