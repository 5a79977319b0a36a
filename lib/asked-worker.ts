import { Worker } from 'node:worker_threads';

/** A thread that answers every message with one, in the order of the messages. */
export interface AskedWorker<Answer> {
  /** Throws what ended the thread, then or before. */
  ask(message: unknown): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * Starts a thread.
 *
 * @param source CommonJS, as text so that it runs from sources and from a bundle
 */
export function startAskedWorker<Answer = undefined>(source: string, workerData?: unknown): AskedWorker<Answer> {
  const worker = new Worker(source, { eval: true, workerData });
  const waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void }[] = [];
  let failure: { readonly error: unknown } | undefined;
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer));
  worker.on('error', (error) => {
    failure = { error };
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    ask: (message) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure.error);
        waiting.push({ resolve, reject });
        worker.postMessage(message);
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}
