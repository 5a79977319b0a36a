import type { IncomingMessage } from 'node:http';

/**
 * Bytes of a request's body. A reader may stop early: the connection stays open and can still carry the answer. Iterating
 * over the message itself would destroy it then, and the client would wait for an answer for ever.
 */
export const bodyOf = (message: IncomingMessage): AsyncIterable<Uint8Array> =>
  message.iterator({ destroyOnReturn: false });

/** A small body as a whole; undefined if it has more than `maxBytes`. The rest is discarded. */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(message)) {
    size += chunk.length;
    if (size > maxBytes) break;
    chunks.push(chunk);
  }
  // Without effect while the loop reads.
  message.resume();
  return size > maxBytes ? undefined : Buffer.concat(chunks);
}
