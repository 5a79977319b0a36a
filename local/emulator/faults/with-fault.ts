import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { RequestRule } from './configuration.ts';

/** Closes the connection instead of answering. Not a failure of the server. */
export class CutConnection extends Error {
  override readonly name = 'CutConnection';
}

/** A fault that refuses the request. */
export type Refusal = 'conflict' | 'slow-down' | 'disk-full';

/** How a service handles a request, and how it injects each kind of fault. */
export interface Exchange<A> {
  /** Handles the request. */
  work(): Promise<A>;
  /** Handles the request with half its body. Must fail with {@link CutConnection} and have no effect. */
  runOnHalfBody(): Promise<A>;
  /** An answer with half its body. */
  half(answer: A): A;
  refuse(fault: Refusal): A;
  /** Ends an answer that the client does not get. */
  drop(answer: A): unknown;
}

/**
 * Handles a request with the fault of a rule.
 *
 * @throws CutConnection if the client gets no answer
 */
export async function withFault<A>(rule: RequestRule, exchange: Exchange<A>): Promise<A> {
  switch (rule.fault) {
    case 'conflict':
    case 'slow-down':
    case 'disk-full':
      return exchange.refuse(rule.fault);
    case 'slow':
      await sleep(rule.ms);
      return exchange.work();
    case 'cut-before':
      throw new CutConnection();
    case 'cut-after':
      await exchange.drop(await exchange.work());
      throw new CutConnection();
    case 'cut-upload':
      return exchange.runOnHalfBody();
    case 'cut-download':
      return exchange.half(await exchange.work());
  }
}

/** Yields the first half of `bytes` bytes, then throws {@link CutConnection}. */
export async function* firstHalf(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  let left = Math.floor(bytes / 2);
  for await (const chunk of source) {
    if (chunk.length > left) {
      if (left > 0) yield chunk.subarray(0, left);
      break;
    }
    left -= chunk.length;
    yield chunk;
  }
  // Lets the half arrive before the connection closes.
  await setImmediate();
  throw new CutConnection();
}
