import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Role } from '../../cdk/isolation/world.ts';
import { readBody } from '../../local/emulator/request-body.ts';
import { readRequest } from '../../local/emulator/s3/request.ts';
import { type Access, accessOfBatch, accessOfCloudFormation, accessOfS3, accessOfSqs, operationOf } from './access.ts';
import type { Asked, Authorizer } from './authorizer.ts';
import type { Identities } from './identities.ts';
import { nameOf } from './resources.ts';
import { type Signature, signatureOf } from './signature.ts';

/** A request that AWS would have refused. */
interface Refused {
  /** Name of the caller's role. */
  readonly role: string;
  /** The denied action, or the request. */
  readonly action: string;
  readonly on: string;
  readonly why: 'denied' | 'unknown credentials' | 'unknown request' | 'wrong account or region';
}

export interface Reply {
  readonly status: number;
  /** Sent as JSON, or a text as XML. */
  readonly body: unknown;
}

/**
 * A service of AWS besides S3 and SQS. The gateway has checked the caller's permissions.
 *
 * @param request parameters, with the path of a service that has one for each operation
 */
export type Service = (request: Readonly<Record<string, unknown>>, caller: Role, path: string) => Promise<Reply>;

export interface GatewayOptions {
  /** Endpoint of S3 and SQS. */
  readonly upstream: string;
  readonly authorizer: Authorizer;
  readonly identities: Identities;
  readonly batch: Service;
  readonly cloudFormation: Service;
}

/** One endpoint for all services. It knows each caller by the credentials of the request, and evaluates the policies at every call. */
export interface Gateway {
  readonly endpoint: string;
  readonly refused: readonly Refused[];
  /** Buckets whose region was not the one that a request was signed for, by role. */
  readonly redirected: ReadonlySet<string>;
  /** Distinct questions that were asked of the policies, and allowed. */
  readonly allowed: readonly Asked[];
  /** Evaluates other policies from now on. */
  use(authorizer: Authorizer): void;
  close(): Promise<void>;
}

const MAX_BYTES = 2 ** 20;

const parseJson = (text: string) => JSON.parse(text || '{}') as Readonly<Record<string, unknown>>;

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { identities, batch, cloudFormation } = options;
  const upstream = new URL(options.upstream);
  const agent = new Agent({ keepAlive: true });
  const refused: Refused[] = [];
  const redirected = new Set<string>();
  const allowed = new Map<string, Asked>();
  let { authorizer } = options;

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const signature = signatureOf(message);
    const caller = signature && identities.roleOf(signature.accessKeyId, signature.sessionToken);
    if (!signature || !caller) {
      refused.push({ role: '', action: `${message.method}`, on: message.url ?? '', why: 'unknown credentials' });
      return refuse(response, signature?.service, 403, 'InvalidAccessKeyId');
    }
    if (signature.service === 's3') return answerS3(message, response, signature, caller);
    const text = (await readBody(message, MAX_BYTES))?.toString() ?? '';
    const path = message.url ?? '';
    if (signature.service === 'sqs') return answerSqs(message, response, signature, caller, parseJson(text));
    if (signature.service === 'batch') {
      const request = parseJson(text);
      const answerIt = () => batch(request, caller, path);
      return answerService(response, 'batch', caller, accessOfBatch(path, request), path, answerIt);
    }
    if (signature.service === 'cloudformation') {
      const request = Object.fromEntries(new URLSearchParams(text));
      const answerIt = () => cloudFormation(request, caller, path);
      const what = `cloudformation:${request.Action}`;
      return answerService(response, 'cloudformation', caller, accessOfCloudFormation(request, caller), what, answerIt);
    }
    note(caller, `${signature.service}:${message.url}`, '', 'unknown request');
    return refuse(response, signature.service, 501, 'NotImplemented');
  }

  async function answerService(
    response: ServerResponse,
    name: string,
    caller: Role,
    questions: readonly Access[] | undefined,
    what: string,
    answerIt: () => Promise<Reply>,
  ): Promise<void> {
    if (!(await permitted(caller, questions, what, ''))) return deny(response, name);
    const { status, body } = await answerIt();
    if (typeof body !== 'string') return sendJson(response, status, body);
    response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
  }

  async function answerS3(message: IncomingMessage, response: ServerResponse, { region }: Signature, caller: Role) {
    const request = readRequest(message, '');
    const operation = operationOf(request);
    const bucket = authorizer.world.buckets.get(request.bucket ?? '');
    // The endpoint of another region than the bucket's redirects (S3 user guide, "Making requests").
    if (bucket && bucket.region !== region) {
      redirected.add(`${nameOf(caller.arn)} ${request.bucket}`);
      message.resume();
      response.setHeader('x-amz-bucket-region', bucket.region);
      return refuse(response, 's3', 301, 'PermanentRedirect');
    }
    const what = operation ?? `s3:${request.method}`;
    if (!(await permitted(caller, accessOfS3(request), what, request.key ?? ''))) {
      message.resume();
      return deny(response, 's3');
    }
    const back = await forward(message, response);
    const isRead = operation === 'GetObject' || operation === 'HeadObject';
    const listing = { caller, access: { action: 's3:ListBucket', on: request.bucket ?? '' } };
    if (isRead && back.statusCode === 404 && !(await authorizer.may(listing))) {
      // Who may not list the bucket does not learn whether an object exists (API reference, GetObject).
      back.resume();
      return deny(response, 's3');
    }
    passOn(back, response);
  }

  async function answerSqs(
    message: IncomingMessage,
    response: ServerResponse,
    { region }: Signature,
    caller: Role,
    body: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const name = String(message.headers['x-amz-target']).replace('AmazonSQS.', '');
    const url = String(body.QueueUrl ?? body.QueueName ?? '');
    const queue = authorizer.world.queues.get(nameOf(url));
    const account = body.QueueUrl ? url.split('/').at(-2) : (body.QueueOwnerAWSAccountId ?? caller.account);
    if (!queue || queue.account !== account || queue.region !== region) {
      note(caller, `sqs:${name}`, url, 'wrong account or region');
      return refuse(response, 'sqs', 400, 'QueueDoesNotExist');
    }
    if (!(await permitted(caller, accessOfSqs(name, body), `sqs:${name}`, ''))) return deny(response, 'sqs');
    if (name === 'GetQueueUrl') {
      return sendJson(response, 200, { QueueUrl: `http://${message.headers.host}/${account}/${nameOf(url)}` });
    }
    passOn(await forward(message, response, JSON.stringify(body)), response);
  }

  async function permitted(caller: Role, questions: readonly Access[] | undefined, what: string, key: string) {
    if (!questions) {
      note(caller, what, key, 'unknown request');
      return false;
    }
    for (const access of questions) {
      const asked = { caller, access };
      if (!(await authorizer.may(asked))) {
        const { action, on } = access;
        note(
          caller,
          action,
          access.key === undefined ? [on, access.context?.['s3:prefix']].join(' ') : `${on}/${access.key}`,
          'denied',
        );
        return false;
      }
      allowed.set(JSON.stringify([caller.arn, access]), asked);
    }
    return true;
  }

  function note({ arn }: Role, action: string, on: string, why: Refused['why']): void {
    refused.push({ role: nameOf(arn), action, on, why });
  }

  /** Sends the request on, and resolves when the answer's head has arrived. */
  function forward(message: IncomingMessage, response: ServerResponse, body?: string): Promise<IncomingMessage> {
    const { expect: _, host: __, 'content-length': length, ...headers } = message.headers;
    const size = body === undefined ? length : String(Buffer.byteLength(body));
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        agent,
        host: upstream.hostname,
        port: upstream.port,
        method: message.method,
        path: message.url,
        headers: { ...headers, ...(size === undefined ? {} : { 'content-length': size }) },
      });
      outgoing.once('response', resolve);
      outgoing.once('error', reject);
      response.once('close', () => outgoing.destroy());
      if (body === undefined) message.pipe(outgoing);
      else outgoing.end(body);
    });
  }

  const server = createServer((message, response) => {
    answer(message, response).catch((error) => {
      // A client that hangs up, as at the end of a long poll, is no failure.
      if (response.destroyed) return;
      refused.push({ role: '', action: String(error), on: message.url ?? '', why: 'unknown request' });
      response.destroy();
    });
  });
  server.requestTimeout = 0;
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    redirected,
    get allowed() {
      return [...allowed.values()];
    },
    use: (next) => {
      authorizer = next;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

function passOn(back: IncomingMessage, response: ServerResponse): void {
  response.writeHead(back.statusCode ?? 502, back.headers);
  back.pipe(response);
}

const deny = (response: ServerResponse, service: string) => refuse(response, service, 403, 'AccessDenied');

/** Refuses in the service's own format. */
function refuse(response: ServerResponse, service: string | undefined, status: number, code: string): void {
  const message = 'Refused by the policies of the templates.';
  if (service === 's3') {
    response
      .writeHead(status, { 'content-type': 'application/xml' })
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
  } else {
    response.setHeader('x-amzn-errortype', code);
    sendJson(response, status, { __type: `com.amazonaws.${service}#${code}`, message });
  }
}

const sendJson = (response: ServerResponse, status: number, body: unknown): void =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
