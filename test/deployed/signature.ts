import type { IncomingMessage } from 'node:http';

/** The signed part of a request that names caller, region and service. Signatures are not checked. */
export interface Signature {
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
  readonly region: string;
  /** As in ARNs and IAM actions. */
  readonly service: string;
}

/** Reads the header of signature version 4; undefined for a request without one. */
export function signatureOf({ headers }: Pick<IncomingMessage, 'headers'>): Signature | undefined {
  const [, accessKeyId, region, service] =
    /Credential=([^/,]+)\/\d{8}\/([^/,]+)\/([^/,]+)\/aws4_request/.exec(headers.authorization ?? '') ?? [];
  if (accessKeyId === undefined || region === undefined || service === undefined) return undefined;
  const sessionToken = headers['x-amz-security-token'];
  return { accessKeyId, sessionToken: typeof sessionToken === 'string' ? sessionToken : undefined, region, service };
}
