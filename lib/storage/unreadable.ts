import { type FedcardioError, isFedcardioError } from '../error.ts';

/** What a storage answers for an object that its caller may list, but not read. `archived` and `customer-key` stay so. */
type Kind = 'archived' | 'customer-key' | 'denied';

/** An object that the storage refuses to hand out, although it answers: a fault of its writer, or of its reader's rights. */
export interface Unreadable {
  readonly error: FedcardioError;
  readonly kind: Kind;
  /** True if no right can make the object readable: it is archived, or encrypted with a key that only its writer has. */
  readonly permanent: boolean;
}

/** A site whose objects were read. `unreadable` is undefined if any of them was readable. */
export interface SiteRead {
  readonly site: string;
  readonly unreadable?: Unreadable | undefined;
}

/** S3's name for an object in an archive: storage class GLACIER or DEEP_ARCHIVE, or an archive tier. */
const ARCHIVED = 'InvalidObjectState';
/** Refusals that concern one object. A wrong bucket or access key has other names, and concerns every object. */
const DENIED = /^(AccessDenied|Forbidden|InvalidRequest|KMS\..+)$/;
/** The SDK's names for a response without a body, such as those to HEAD. */
const NAMELESS = /^(Unknown|UnknownError|BadRequest|\d+)$/;

/** Why an object cannot be read although the storage answers; undefined for outages and any other error. */
export function unreadableOf(error: unknown): Unreadable | undefined {
  if (!isFedcardioError(error, 'STORAGE') || !(error.cause instanceof Error)) return undefined;
  const kind = kindOf(error.cause);
  return kind && { error, kind, permanent: kind !== 'denied' };
}

function kindOf(cause: Error & { readonly $metadata?: { readonly httpStatusCode?: number } }): Kind | undefined {
  const { name, message } = cause;
  const status = cause.$metadata?.httpStatusCode ?? 0;
  if (name === ARCHIVED) return 'archived';
  if (name === 'InvalidRequest' && /encrypt/i.test(message)) return 'customer-key';
  const isRefused = DENIED.test(name) || (NAMELESS.test(name) && (status === 400 || status === 403));
  return isRefused ? 'denied' : undefined;
}

/**
 * The failure of a deployment whose own rights or keys are wrong: no site's object is readable, and all for one reason.
 * One site alone is no evidence of it if there are others.
 *
 * @param reads what was read, any number for each site
 * @param sites number of sites that could have written an object
 */
export function failureOfAll(reads: readonly SiteRead[], sites: number): FedcardioError | undefined {
  const [first] = reads;
  if (!first?.unreadable) return undefined;
  const { error, kind } = first.unreadable;
  if (reads.some(({ unreadable }) => unreadable?.kind !== kind)) return undefined;
  const failing = new Set(reads.map(({ site }) => site)).size;
  return failing > 1 || sites === 1 ? error : undefined;
}
