import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import { parseValue } from '../../lib/json.ts';
import { isControlRequest, respond as respondControl } from './control.ts';
import { isDiskFull } from './disk-full.ts';
import { type FaultsInput, faultsSchema } from './faults/configuration.ts';
import { createFaults, type FaultSwitch } from './faults/faults.ts';
import { CutConnection } from './faults/with-fault.ts';
import { lockDirectory } from './lock.ts';
import { createRequestCounts } from './request-counts.ts';
import type { S3Context } from './s3/context.ts';
import { eventMessage, matchingRules } from './s3/notifications.ts';
import { respond as respondS3, type S3Server } from './s3/respond.ts';
import { openStore, type Store } from './s3/store.ts';
import { queueNameOf } from './sqs/action.ts';
import { isSqsRequest, respond as respondSqs, type SqsServer } from './sqs/respond.ts';
import { send } from './sqs/send-actions.ts';
import { openQueueStore, type QueueStore } from './sqs/store.ts';

/** Options of {@link startEmbeddedServer}. */
export interface EmbeddedServerOptions {
  /** A free port by default. */
  readonly port?: number;
  /** Directory of buckets, objects, configuration, queues and messages. */
  readonly dataDir: string;
  /** Faults to inject from the start. */
  readonly faults?: FaultsInput;
  /** Receives internal failures, which clients see as InternalError. */
  readonly onFailure?: (error: unknown) => void;
}

/** A server that listens. `close` ends open connections and leaves the data in the directory. */
export interface EmbeddedServer {
  readonly endpoint: string;
  readonly port: number;
  /** Serves something else below a prefix that no bucket has: `/_fedcardio/…/`. */
  mount(mount: Mount): void;
  close(): Promise<void>;
}

/** Answers the requests below its prefix, and checks where they come from. */
export interface Mount {
  readonly prefix: string;
  respond(message: IncomingMessage, response: ServerResponse): Promise<void>;
}

const HOST = '127.0.0.1';
const REGION = 'us-east-1';

/**
 * S3 and SQS on one port of 127.0.0.1, for machines without AWS and without containers. It accepts any credentials
 * and checks no signature, so it must never listen on another address.
 *
 * @throws FedcardioError BAD_CONFIGURATION when another server uses the directory or the port; STORAGE if a journal is
 *   damaged or the disk is full
 * @example
 * const server = await startEmbeddedServer({ dataDir: '.fedcardio' });
 * const objects = createObjectStorage({ endpoint: server.endpoint });
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  try {
    const release = await lockDirectory(options.dataDir);
    return await serve(options, release).catch(async (error) => {
      await release();
      throw error;
    });
  } catch (cause) {
    if (!isDiskFull(cause)) throw cause;
    throw new FedcardioError('STORAGE', `The disk of ${options.dataDir} is full.`, {
      cause,
      hint: 'Free some space, then start again. Nothing that was stored is lost.',
    });
  }
}

async function serve(options: EmbeddedServerOptions, release: () => Promise<void>): Promise<EmbeddedServer> {
  const report = options.onFailure ?? ((error) => console.error('embedded server:', error));
  const store = await openStore(join(options.dataDir, 's3'), () => new Date());
  const queues = openQueueStore(join(options.dataDir, 'sqs'), () => Date.now());
  const counts = createRequestCounts();
  const faults: FaultSwitch = {
    active: options.faults && createFaults(parseValue(options.faults, faultsSchema, 'faults')),
  };
  const { dataDir } = options;
  const s3: S3Server = {
    dataDir,
    context: { store, region: REGION, ...notifier(store, queues, faults, report) },
    counts,
    faults,
    onFailure: report,
  };
  const sqs: SqsServer = { store: queues, dataDir, region: REGION, counts, faults, onFailure: report };

  let mounted: Mount | undefined;
  const server = createServer((message, response) => {
    const mount = mounted && message.url?.startsWith(mounted.prefix) ? mounted : undefined;
    // A stored object must not act as a page of this origin, where a mounted page has its session.
    if (!mount) response.setHeader('content-security-policy', "sandbox; default-src 'none'");
    const answer = mount
      ? mount.respond(message, response)
      : isControlRequest(message)
        ? respondControl({ counts, faults }, message, response)
        : isSqsRequest(message)
          ? respondSqs(sqs, message, response)
          : respondS3(s3, message, response);
    answer.catch((error) => {
      if (!response.destroyed && !(error instanceof CutConnection)) report(error);
      response.destroy();
    });
  });
  // A large upload may take long, and an idle connection must not close while its client sends the next request.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 120_000;

  const port = await listen(server, options.port ?? 0);
  return {
    endpoint: `http://${HOST}:${port}`,
    port,
    mount: (mount) => {
      mounted = mount;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await faults.active?.flush();
      queues.close();
      store.close();
      await release();
    },
  };
}

/** How S3 sends notifications to queues. */
function notifier(
  store: Store,
  queues: QueueStore,
  faults: FaultSwitch,
  report: (error: unknown) => void,
): Pick<S3Context, 'sendToQueue' | 'notify'> {
  const sendToQueue: S3Context['sendToQueue'] = async (queueArn, body) => {
    const queue = queues.queue(queueNameOf(queueArn));
    if (queue) send(queues, queue, { MessageBody: body, MessageAttributes: {} });
    return queue !== undefined;
  };
  return {
    sendToQueue,
    async notify(event) {
      for (const rule of matchingRules(store.bucket(event.bucket).rules, event)) {
        const send = async () => {
          const sent = await sendToQueue(rule.queueArn, eventMessage(event, rule, REGION)).catch(report);
          if (sent === false)
            report(
              new Error(
                `Rule ${rule.id} of bucket ${event.bucket} names a queue that does not exist: ${rule.queueArn}.`,
              ),
            );
        };
        const { active } = faults;
        await (active ? active.deliver(rule.queueArn, `${event.bucket}/${event.key}`, send) : send());
      }
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen(port, HOST);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (cause) {
    throw new FedcardioError('BAD_CONFIGURATION', `Port ${port} of ${HOST} cannot be used.`, {
      cause,
      hint: 'Another program may use it: choose another port, or `--port 0` for any free one.',
    });
  }
}
