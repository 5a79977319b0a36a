import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeJob {
  readonly jobId: string;
  readonly jobName: string;
  readonly createdAt: number;
  /** Body of the SubmitJob request. */
  readonly request: Readonly<Record<string, unknown>>;
  status: string;
  /** Milliseconds, as all times of Batch. */
  stoppedAt?: number;
  statusReason?: string;
  container?: { readonly exitCode: number };
}

/** Fault of the next SubmitJob: it is rejected, or it creates a job and its response is lost. */
type Fault = 'throttle' | 'refuse' | 'lose-answer';

/**
 * A fake of AWS Batch for tests: SubmitJob, DescribeJobs, ListJobs and DescribeJobQueues over HTTP, for the real SDK. It has
 * a queue for each that a job was submitted to, and lists one queue a page.
 *
 * @param onJob called with each new job; without it, jobs stay SUBMITTED until a test changes them
 */
export async function startFakeBatch(onJob: (job: FakeJob) => void = () => undefined) {
  const jobs: FakeJob[] = [];
  const calls: string[] = [];
  const faults: Fault[] = [];

  const operations: Readonly<Record<string, (body: Body, response: ServerResponse) => void>> = {
    '/v1/submitjob': (body, response) => {
      const fault = faults.shift();
      if (fault === 'throttle') return refuse(response, 429, 'TooManyRequestsException');
      if (fault === 'refuse') return refuse(response, 400, 'ClientException');
      const job = {
        jobId: randomUUID(),
        jobName: String(body.jobName),
        createdAt: Date.now(),
        request: body,
        status: 'SUBMITTED',
      };
      jobs.unshift(job);
      onJob(job);
      if (fault === 'lose-answer') return void response.destroy();
      answer(response, { jobId: job.jobId, jobName: job.jobName });
    },
    '/v1/describejobs': ({ jobs: ids }, response) =>
      answer(response, { jobs: jobs.filter(({ jobId }) => (ids as readonly string[]).includes(jobId)) }),
    '/v1/listjobs': ({ jobQueue, jobStatus, filters }, response) => {
      const [filter] = (filters ?? []) as readonly { readonly name: string; readonly values: readonly string[] }[];
      const matches = ({ jobName, createdAt, status }: FakeJob) => {
        if (filter?.name === 'AFTER_CREATED_AT') return createdAt > Number(filter.values[0]);
        if (filter) return filter.values.some((value) => value.toLowerCase() === jobName.toLowerCase());
        return status === (jobStatus ?? 'RUNNING');
      };
      answer(response, {
        jobSummaryList: jobs.filter((job) => job.request.jobQueue === jobQueue && matches(job)),
      });
    },
    '/v1/describejobqueues': ({ nextToken }, response) => {
      const queues = [...new Set(jobs.map(({ request }) => String(request.jobQueue)))];
      const page = Number(nextToken ?? 0);
      answer(response, {
        jobQueues: queues.slice(page, page + 1).map((jobQueueName) => ({ jobQueueName })),
        ...(page + 1 < queues.length ? { nextToken: String(page + 1) } : {}),
      });
    },
  };

  const server = createServer(async (request, response) => {
    const body = await readJson(request);
    calls.push(request.url ?? '');
    const operation = operations[request.url ?? ''];
    if (operation) operation(body, response);
    else refuse(response, 404, 'ClientException');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Newest first. */
    jobs,
    /** Paths of all calls. */
    calls,
    /** Sets the faults of the next SubmitJob calls, in order. */
    fail: (...next: readonly Fault[]) => void faults.push(...next),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type FakeBatch = Awaited<ReturnType<typeof startFakeBatch>>;

type Body = Readonly<Record<string, unknown>>;

async function readJson(request: IncomingMessage): Promise<Body> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

const answer = (response: ServerResponse, body: unknown) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

const refuse = (response: ServerResponse, status: number, type: string) =>
  void response
    .writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type })
    .end(JSON.stringify({ message: `${type} by the test` }));
