import fc from 'fast-check';
import { ACTIONS } from '../../../local/emulator/sqs/actions.ts';
import { mutatedBytes } from '../byte-mutations.ts';
import { mutatedJson } from '../json-mutations.ts';

/** Stands for the server's port, which is not known when an input is made. */
export const PORT = '{port}';
/** Stands for the id of an upload. */
export const UPLOAD = '{upload}';

const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['', '0', '1', '-1', '3', '10001', '1e9', '99999999999999999999', 'NaN', '*', '"', '""', '"x"', 'x', 'true'],
      ...[
        '__proto__',
        'constructor',
        '%',
        '%00',
        '%ff',
        '%e2%82%ac',
        '%0d%0aX-Evil:%201',
        '../..',
        '/',
        '//',
        '&',
        '+',
      ],
      ...[
        'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'UNSIGNED-PAYLOAD',
        '/b/k',
        'b/k',
        '/b/missing',
        'bytes=0-',
        'bytes=9-1',
      ],
      ...['bytes=-0', 'bytes=0-0,2-3', 'chunked', 'gzip', 'aws-chunked', 'Thu, 01 Jan 1970 00:00:00 GMT', 'url'],
      ...['AAAAAA==', 'crc32', 'CRC32', 'x-amz-checksum-crc32', 'COPY', 'REPLACE', 'a'.repeat(300), 'a'.repeat(9000)],
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);

const PARAMETERS = [
  ...['list-type', 'prefix', 'delimiter', 'max-keys', 'encoding-type', 'continuation-token', 'start-after', 'marker'],
  ...['uploads', 'uploadId', 'partNumber', 'delete', 'notification', 'location', 'max-parts', 'part-number-marker'],
  ...['response-content-type', 'response-expires', 'x-amz-meta-a', 'x-id', 'versionId', 'fetch-owner', 'max-buckets'],
];
const HEADERS = [
  ...['expect', 'range', 'if-match', 'if-none-match', 'if-modified-since'],
  ...['content-type', 'content-md5', 'content-encoding', 'host', 'origin', 'sec-fetch-site', 'connection', 'upgrade'],
  ...['x-amz-content-sha256', 'x-amz-decoded-content-length', 'x-amz-trailer', 'x-amz-sdk-checksum-algorithm'],
  ...['x-amz-checksum-crc32', 'x-amz-checksum-sha256', 'x-amz-checksum-algorithm', 'x-amz-copy-source', 'x-amz-date'],
  ...['x-amz-copy-source-range', 'x-amz-copy-source-if-match', 'x-amz-metadata-directive', 'x-amz-meta-note'],
  ...['x-amz-acl', 'x-amz-bucket-region', 'x-amz-checksum-mode', 'x-amz-object-attributes', 'authorization'],
];
const PATHS = [
  ...[
    '/',
    '/b',
    '/b/',
    '/b/k',
    '/b/k',
    '/b/a/../k',
    '/b//',
    '/b/%00',
    '/b/%',
    '/B_',
    '/missing',
    '/missing/k',
    '//',
    '',
  ],
  ...[
    '/_fedcardio/health',
    '/_fedcardio/requests',
    '/_fedcardio/faults',
    '/_fedcardio/constructor',
    '*',
    'http://x/b/k',
  ],
  `/b/${'a'.repeat(1100)}`,
];
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'get', 'TRACE'];

const QUEUE = 'http://127.0.0.1/000000000000/q';
const ENTRIES = [
  { Id: '1', MessageBody: 'x', ReceiptHandle: 'x', VisibilityTimeout: 0 },
  { Id: '2', MessageBody: 'y', ReceiptHandle: 'y', VisibilityTimeout: 9 },
];
const ATTRIBUTES = { VisibilityTimeout: '1', RedrivePolicy: '{"deadLetterTargetArn":"x","maxReceiveCount":1}' };
const NOTE = { a: { DataType: 'String', StringValue: 'x' } };
/** Parameters of any action. */
const SQS_INPUTS: readonly Readonly<Record<string, unknown>>[] = [
  { QueueName: 'q' },
  { QueueName: 'q2', Attributes: ATTRIBUTES },
  { QueueUrl: QUEUE },
  { QueueUrl: QUEUE, MessageBody: 'x' },
  { QueueUrl: QUEUE, MessageBody: 'x', DelaySeconds: 0, MessageAttributes: NOTE },
  { QueueUrl: QUEUE, Entries: ENTRIES.map(({ Id, MessageBody }) => ({ Id, MessageBody })) },
  { QueueUrl: QUEUE, Entries: ENTRIES.map(({ Id, ReceiptHandle }) => ({ Id, ReceiptHandle })) },
  { QueueUrl: QUEUE, Entries: ENTRIES },
  { QueueUrl: QUEUE, MaxNumberOfMessages: 10, WaitTimeSeconds: 0, VisibilityTimeout: 0, AttributeNames: ['All'] },
  { QueueUrl: QUEUE, ReceiptHandle: 'x' },
  { QueueUrl: QUEUE, ReceiptHandle: 'x', VisibilityTimeout: 0 },
  { QueueUrl: QUEUE, AttributeNames: ['All'] },
  { QueueUrl: QUEUE, Attributes: ATTRIBUTES },
  { QueueNamePrefix: 'q', MaxResults: 1 },
  { SourceArn: 'arn:aws:sqs:us-east-1:000000000000:q', MaxNumberOfMessagesPerSecond: 1 },
  { TaskHandle: 'x' },
];

const rule = `<QueueConfiguration><Id>r</Id><Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Event>s3:ObjectCreated:*</Event>
<Filter><S3Key><FilterRule><Name>prefix</Name><Value>a</Value></FilterRule></S3Key></Filter></QueueConfiguration>`;
const XML = [
  '<Delete><Object><Key>k</Key></Object><Object><Key>a</Key><VersionId>x</VersionId></Object><Quiet>true</Quiet></Delete>',
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"x"</ETag></Part></CompleteMultipartUpload>',
  `<NotificationConfiguration>${rule}</NotificationConfiguration>`,
  '<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>',
  '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>',
  `<Delete>${'<Object><Key>&#x41;&amp;</Key></Object>'.repeat(40)}</Delete>`,
  '<a>'.repeat(3000),
  `<a>${'&'.repeat(30_000)}</a>`,
];
const FAULTS = { seed: 1, rules: [{ fault: 'slow', rate: 1, ms: 1, operation: 'GetObject', target: 'b/*' }] };

const body: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Buffer.from('')) },
  { weight: 2, arbitrary: mutatedBytes(fc.constantFrom(...XML).map((xml) => Buffer.from(xml))) },
  { weight: 1, arbitrary: mutatedJson([FAULTS, ...SQS_INPUTS]).map((json) => Buffer.from(json)) },
  {
    weight: 1,
    arbitrary: mutatedBytes(
      fc.constant(Buffer.from('5;chunk-signature=x\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n')),
    ),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
);

type Fields = readonly (readonly [name: string, value: string])[];
const fields = (names: readonly string[], most: number): fc.Arbitrary<Fields> =>
  fc.array(fc.tuple(fc.constantFrom(...names), text), { maxLength: most });

function withQuery(path: string, query: Fields): string {
  const parameters = query.map(([name, value]) => `${name}=${value}`).join('&');
  return parameters === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${parameters}`;
}

function request(start: string, headers: Fields, content: Uint8Array): Uint8Array {
  const has = (name: string) => headers.some(([found]) => found === name);
  const usual: Fields = [
    ...(has('host') ? [] : [['host', `127.0.0.1:${PORT}`] as const]),
    ...(has('connection') ? [] : [['connection', 'close'] as const]),
    ...(has('content-length') || has('transfer-encoding') ? [] : [['content-length', String(content.length)] as const]),
  ];
  const lines = [...usual, ...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${start} HTTP/1.1\r\n${lines}\r\n`, 'latin1'), content]);
}

const anyS3Request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    path: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...PATHS) },
      { weight: 1, arbitrary: text.map((t) => `/b/${t}`) },
    ),
    query: fields(PARAMETERS, 3),
    headers: fields([...HEADERS, 'content-length', 'transfer-encoding'], 3),
    content: body,
  })
  .map(({ method, path, query, headers, content }) => request(`${method} ${withQuery(path, query)}`, headers, content));

const CHUNKED: Fields = [
  ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
  ['x-amz-decoded-content-length', '5'],
];
/** Requests that are right, or would be with an id that the server has given out. */
const S3_REQUESTS: readonly (readonly [start: string, headers: Fields, body: string])[] = [
  ['GET /', [], ''],
  ['PUT /b', [], ''],
  ['HEAD /b', [], ''],
  ['DELETE /c', [], ''],
  ['GET /b?list-type=2&max-keys=2&delimiter=/', [], ''],
  ['GET /b?prefix=k&marker=a', [], ''],
  ['GET /b?notification', [], ''],
  ['PUT /b?notification', [], XML[2] as string],
  ['POST /b?delete', [], XML[0] as string],
  ['PUT /b/k', [], 'hello'],
  ['PUT /b/k', [['if-none-match', '*']], 'hello'],
  ['PUT /b/k', [['x-amz-checksum-crc32', 'NhCmhg==']], 'hello'],
  [
    'PUT /b/k',
    [
      ['x-amz-meta-note', 'x'],
      ['content-type', 'text/plain'],
    ],
    'hello',
  ],
  ['PUT /b/k', CHUNKED, '5;chunk-signature=x\r\nhello\r\n0\r\n\r\n'],
  [
    'PUT /b/k',
    [...CHUNKED, ['x-amz-trailer', 'x-amz-checksum-crc32']],
    '5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n',
  ],
  ['PUT /b/c', [['x-amz-copy-source', '/b/k']], ''],
  ['GET /b/k', [], ''],
  ['GET /b/k', [['range', 'bytes=1-2']], ''],
  ['GET /b/k?partNumber=1&response-content-type=a/b', [['if-none-match', '"x"']], ''],
  ['HEAD /b/k', [], ''],
  ['DELETE /b/c', [], ''],
  ['POST /b/m?uploads', [], ''],
  [`PUT /b/m?uploadId=${UPLOAD}&partNumber=1`, [], 'hello'],
  [`GET /b/m?uploadId=${UPLOAD}`, [], ''],
  [`POST /b/m?uploadId=${UPLOAD}`, [], XML[1] as string],
  [`DELETE /b/m?uploadId=${UPLOAD}`, [], ''],
  ['GET /_fedcardio/requests', [], ''],
  ['PUT /_fedcardio/faults', [], JSON.stringify(FAULTS)],
];

/** A right request with something more, or another body. */
const nearS3Request = fc
  .tuple(fc.constantFrom(...S3_REQUESTS), fields(PARAMETERS, 1), fields(HEADERS, 1), fc.option(body, { freq: 4 }))
  .map(([[start, headers, usual], query, more, content]) =>
    request(withQuery(start, query), [...headers, ...more], content ?? Buffer.from(usual)),
  );

const sqsRequest = fc
  .tuple(
    fc.constantFrom(...Object.keys(ACTIONS), ...Object.keys(ACTIONS), 'constructor', '__proto__', ''),
    fields(HEADERS, 1),
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...SQS_INPUTS).map((input) => Buffer.from(JSON.stringify(input))) },
      { weight: 5, arbitrary: mutatedJson(SQS_INPUTS).map((json) => Buffer.from(json)) },
      { weight: 1, arbitrary: body },
    ),
  )
  .map(([action, headers, content]) =>
    request('POST /', [['x-amz-target', `AmazonSQS.${action}`], ...headers], content),
  );

/** Bytes of one request to S3, SQS or the server's own paths, some of them damaged. */
export const rawRequests: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 5, arbitrary: nearS3Request },
  { weight: 2, arbitrary: anyS3Request },
  { weight: 4, arbitrary: sqsRequest },
  { weight: 1, arbitrary: mutatedBytes(nearS3Request, 2) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
);
