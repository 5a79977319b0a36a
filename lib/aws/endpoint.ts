import { FedcardioError, systemError } from '../error.ts';

/** What answers at an endpoint. */
export interface EndpointAnswer {
  readonly isS3: boolean;
  readonly isSqs: boolean;
  /** The server's clock, if it sends one. To the second. */
  readonly date: Date | undefined;
  /** Until the first byte of S3's answer, ms. */
  readonly milliseconds: number;
}

/** A server that accepts a connection answers a listing within this time, or is none that can be worked with. */
const PATIENCE_MS = 10_000;
/** The start of an answer is enough to tell what it is. */
const MOST_BYTES = 64 * 1024;

/** Root elements of S3's answers to a listing: the listing, or an error, such as for a request without a signature. */
const S3_ANSWER = /<(ListBucketResult|Error)[\s>]/;
/** Content type of SQS's answers, also of its errors. */
const SQS_TYPE = 'application/x-amz-json-1.0';

/**
 * Asks an endpoint, without credentials, for what only S3 and SQS answer. An answer that denies access counts.
 *
 * @throws FedcardioError STORAGE_UNAVAILABLE if it refuses connections, or accepts them and stays silent
 */
export async function probeEndpoint(endpoint: string, patienceMs = PATIENCE_MS): Promise<EndpointAnswer> {
  const started = performance.now();
  const listing = await ask(
    endpoint,
    new URL('fedcardio-probe?list-type=2&max-keys=0', withSlash(endpoint)),
    {},
    patienceMs,
  );
  const milliseconds = performance.now() - started;
  const queues = await ask(
    endpoint,
    new URL(withSlash(endpoint)),
    {
      method: 'POST',
      headers: { 'content-type': SQS_TYPE, 'x-amz-target': 'AmazonSQS.ListQueues' },
      body: '{}',
    },
    patienceMs,
  );
  const date = new Date(listing.date ?? Number.NaN);
  return {
    isS3: S3_ANSWER.test(listing.text),
    isSqs: queues.type.startsWith(SQS_TYPE),
    date: Number.isNaN(date.getTime()) ? undefined : date,
    milliseconds,
  };
}

/**
 * Refuses an endpoint that does not speak S3.
 *
 * @throws FedcardioError BAD_CONFIGURATION, or like {@link probeEndpoint}
 */
export async function requireS3(endpoint: string): Promise<void> {
  if ((await probeEndpoint(endpoint)).isS3) return;
  throw new FedcardioError('BAD_CONFIGURATION', `What answers at ${endpoint} is not S3.`, {
    hint: 'Check host and port of --endpoint. `npx fedcardio doctor --endpoint URL` says more.',
  });
}

const withSlash = (endpoint: string): string => (endpoint.endsWith('/') ? endpoint : `${endpoint}/`);

async function ask(endpoint: string, url: URL, init: RequestInit, patienceMs: number) {
  const signal = AbortSignal.timeout(patienceMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', signal });
    return {
      text: await startOf(response),
      type: response.headers.get('content-type') ?? '',
      date: response.headers.get('date'),
    };
  } catch (cause) {
    if (signal.aborted) {
      throw new FedcardioError(
        'STORAGE_UNAVAILABLE',
        `${endpoint} accepted a connection but did not answer within ${patienceMs / 1000} s.`,
        { cause, hint: 'Check host and port, and whether a firewall or a proxy is between.' },
      );
    }
    const problem = systemError(cause);
    throw new FedcardioError(
      'STORAGE_UNAVAILABLE',
      `${endpoint} cannot be reached: ${problem?.message ?? (cause as Error).message}`,
      { cause, hint: problem?.hint ?? 'Check host, port and protocol (http or https).' },
    );
  }
}

/** The first bytes of a body, as text. */
async function startOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MOST_BYTES) break;
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
