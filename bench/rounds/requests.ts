import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

/** Every request that a server of this process takes, long polls that bring nothing included, S3 and SQS apart. */
export function countRequests() {
  let [s3, sqs] = [0, 0];
  const count = (message: unknown) => {
    const { headers } = (message as { readonly request: IncomingMessage }).request;
    if (String(headers['x-amz-target']).startsWith('AmazonSQS')) sqs++;
    else s3++;
  };
  subscribe('http.server.request.start', count);
  return {
    stop() {
      unsubscribe('http.server.request.start', count);
      return { s3, sqs };
    },
  };
}
