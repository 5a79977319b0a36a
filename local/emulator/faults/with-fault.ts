import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { RequestRule } from './configuration.ts';

/** The answer to a request is that its connection ends. No failure of the server. */
export class CutConnection extends Error {
  override readonly name = 'CutConnection';
}

/** How a service does a request, and what of it can go wrong. */
export interface Exchange<A> {
  /** Does the work. */
  work(): Promise<A>;
  /** Does the work on half the request's body: it must fail with {@link CutConnection} and leave nothing. */
  workOnHalf(): Promise<A>;
  /** The same answer with half its body. */
  half(answer: A): A;
  refuse(fault: 'conflict' | 'slow-down'): A;
}

/**
 * Does a request as a rule wants it done.
 *
 * @throws CutConnection
 */
export async function withFault<A>(rule: RequestRule, exchange: Exchange<A>): Promise<A> {
  switch (rule.fault) {
    case 'conflict':
    case 'slow-down':
      return exchange.refuse(rule.fault);
    case 'slow':
      await sleep(rule.ms);
      return exchange.work();
    case 'cut-before':
      throw new CutConnection();
    case 'cut-after':
      await exchange.work();
      throw new CutConnection();
    case 'cut-upload':
      return exchange.workOnHalf();
    case 'cut-download':
      return exchange.half(await exchange.work());
  }
}

/** The first half of `bytes` bytes, and then the connection's end. */
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
  // The half is to arrive before the end does.
  await setImmediate();
  throw new CutConnection();
}
