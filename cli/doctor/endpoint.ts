import type { EndpointAnswer } from '../../lib/aws/endpoint.ts';
import type { Identity } from '../../lib/aws/identity.ts';
import { type Finding, failed, ok, warning } from './finding.ts';

/** @param needsSqs whether queues are at this endpoint too, as on one machine */
export function checkEndpoint(
  endpoint: string,
  { isS3, isSqs, milliseconds }: EndpointAnswer,
  needsSqs: boolean,
): Finding {
  const found = `${endpoint} answers in ${Math.round(milliseconds)} ms`;
  const cure = 'Check host and port, and that no proxy or web server answers instead.';
  if (!isS3) return failed('endpoint', `${found}, but it is not S3`, cure);
  if (needsSqs && !isSqs) {
    return warning(
      'endpoint',
      `${found} and is S3, but not SQS`,
      'Queues cannot be read here; `campaign` commands can be used.',
    );
  }
  return ok('endpoint', `${found} and is ${needsSqs ? 'S3 and SQS' : 'S3'}`);
}

/** S3 refuses requests that are signed 15 minutes too early or too late. */
const REFUSED_SECONDS = 900;
const NOTICED_SECONDS = 60;

/** @param roundTripMs the answer is that much older than it says, at most */
export function checkClock(date: Date | undefined, now: Date, roundTripMs: number): Finding {
  if (!date) return warning('clock', 'the endpoint sends no time', 'Compare the clocks by hand.');
  const skew = (now.getTime() - date.getTime()) / 1000;
  const seconds = Math.max(0, Math.abs(skew) - roundTripMs / 1000 - 1);
  const cure = 'Set the clock, best by NTP (timedatectl set-ntp true).';
  if (seconds < NOTICED_SECONDS) return ok('clock', 'agrees with the endpoint');
  const found = `${Math.round(seconds)} s ${skew > 0 ? 'ahead of' : 'behind'} the endpoint`;
  return seconds < REFUSED_SECONDS
    ? warning('clock', found, cure)
    : failed('clock', `${found}; S3 refuses requests`, cure);
}

export function checkIdentity({ accessKeyId, expiresAt, region }: Identity, now: Date): Finding {
  const found = `access key …${accessKeyId.slice(-4)}, region ${region}`;
  if (!expiresAt) return ok('credentials', found);
  return expiresAt > now
    ? ok('credentials', `${found}, until ${expiresAt.toISOString()}`)
    : failed(
        'credentials',
        `${found}, expired at ${expiresAt.toISOString()}`,
        'Log in again, such as with `aws sso login`.',
      );
}
