import { parentPort } from 'node:worker_threads';
import { isFedcardioError } from '../error.ts';
import type { Volume } from '../imaging/volume.ts';
import type { StackOrder } from './decode-chunk.ts';
import { decodeStack } from './decode-stack.ts';
import { UNREADABLE } from './refusal.ts';

/** What the worker answers to a {@link StackOrder}. */
export type DecodeAnswer =
  | { readonly kind: 'progress'; readonly slices: number }
  | { readonly kind: 'volume'; readonly volume: Volume }
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string };

const answer = (message: DecodeAnswer, transfer: ArrayBuffer[] = []) => parentPort?.postMessage(message, transfer);

parentPort?.once('message', (order: StackOrder) => {
  decodeStack(order, (slices) => answer({ kind: 'progress', slices })).then(
    (volume) => answer({ kind: 'volume', volume }, [volume.data.buffer as ArrayBuffer]),
    (error: unknown) => {
      const { message, hint } = isFedcardioError(error) ? error : UNREADABLE;
      answer({ kind: 'refused', reason: message, hint: hint ?? '' });
    },
  );
});
