import fc from 'fast-check';
import { S3_OPERATIONS } from '../../../local/emulator/s3/router.ts';
import { ACTIONS } from '../../../local/emulator/sqs/actions.ts';
import { mutatedBytes } from '../byte-mutations.ts';
import { mutatedJson } from '../json-mutations.ts';

/** Stands for the server's port, which is not known when an input is made. */
export const PORT = '{port}';

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
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
);

const PARAMETERS = [
  ...['list-type', 'prefix', 'delimiter', 'max-keys', 'encoding-type', 'continuation-token', 'start-after', 'marker'],
  ...['uploads', 'uploadId', 'partNumber', 'delete', 'notification', 'location', 'max-parts', 'part-number-marker'],
  ...['response-content-type', 'response-expires', 'x-amz-meta-a', 'x-id', 'versionId', 'fetch-owner', 'max-buckets'],
];
const HEADERS = [
  ...['content-length', 'transfer-encoding', 'expect', 'range', 'if-match', 'if-none-match', 'if-modified-since'],
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
/** Input of actions, each with the parameters of many. */
const SQS_INPUTS: readonly unknown[] = [
  {
    QueueName: 'q',
    Attributes: { VisibilityTimeout: '1', RedrivePolicy: '{"deadLetterTargetArn":"x","maxReceiveCount":1}' },
  },
  {
    QueueUrl: QUEUE,
    MessageBody: 'x',
    DelaySeconds: 0,
    MessageAttributes: { a: { DataType: 'String', StringValue: 'x' } },
  },
  {
    QueueUrl: QUEUE,
    Entries: [
      { Id: '1', MessageBody: 'x' },
      { Id: '2', ReceiptHandle: 'x', VisibilityTimeout: 0 },
    ],
  },
  { QueueUrl: QUEUE, MaxNumberOfMessages: 10, WaitTimeSeconds: 0, VisibilityTimeout: 0, AttributeNames: ['All'] },
  { QueueUrl: QUEUE, ReceiptHandle: 'x', VisibilityTimeout: 0 },
  { QueueUrl: QUEUE, AttributeNames: ['All'] },
  { QueueNamePrefix: 'q', MaxResults: 1, NextToken: 'x' },
  { SourceArn: 'arn:aws:sqs:us-east-1:000000000000:q', TaskHandle: 'x', MaxNumberOfMessagesPerSecond: 1 },
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

const s3Request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    path: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...PATHS) },
      { weight: 1, arbitrary: text.map((t) => `/b/${t}`) },
    ),
    query: fields(PARAMETERS, 3),
    headers: fields(HEADERS, 3),
    content: body,
  })
  .map(({ method, path, query, headers, content }) => {
    const parameters = query.map(([name, value]) => `${name}=${value}`).join('&');
    return request(`${method} ${path}${parameters === '' ? '' : '?'}${parameters}`, headers, content);
  });

const sqsRequest = fc
  .tuple(
    fc.constantFrom(...Object.keys(ACTIONS), ...S3_OPERATIONS.slice(0, 1), 'constructor', '__proto__', ''),
    fields(HEADERS, 1),
    fc.oneof(
      { weight: 5, arbitrary: mutatedJson(SQS_INPUTS).map((json) => Buffer.from(json)) },
      { weight: 1, arbitrary: body },
    ),
  )
  .map(([action, headers, content]) =>
    request('POST /', [['x-amz-target', `AmazonSQS.${action}`], ...headers], content),
  );

/** Bytes of one request to S3, SQS or the server's own paths, some of them damaged. */
export const rawRequests: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: s3Request },
  { weight: 3, arbitrary: sqsRequest },
  { weight: 1, arbitrary: mutatedBytes(s3Request, 2) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
);
