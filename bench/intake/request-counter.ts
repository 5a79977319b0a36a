import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

/** Counts the requests of this process by kind. The returned function gives the counts so far. */
export function countRequests(): () => Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  subscribe('http.client.request.start', (message) => {
    const kind = kindOf((message as { readonly request: ClientRequest }).request);
    counts[kind] = (counts[kind] ?? 0) + 1;
  });
  return () => ({ ...counts });
}

/** For example `sqs ReceiveMessage`, `s3 GET cases`, `s3 LIST catalog`. */
function kindOf(request: ClientRequest): string {
  const target = request.getHeader('x-amz-target');
  if (target !== undefined) return `sqs ${String(target).split('.')[1]}`;
  const url = new URL(request.path, 'http://host');
  const [, , folder] = url.pathname.split('/');
  const prefix = url.searchParams.get('prefix');
  return prefix === null ? `s3 ${request.method} ${folder}` : `s3 LIST ${prefix.split('/')[0]}`;
}
