import { Worker } from 'node:worker_threads';

/** A thread that answers every message with one, in the order of the messages. */
export interface AskedWorker<Answer> {
  /** Throws what ended the thread, then or before. */
  ask(message: unknown): Promise<Answer>;
  hasEnded(): boolean;
  /** Lets the process end while the thread waits. */
  unref(): void;
  close(): Promise<void>;
}

/**
 * Starts a thread.
 *
 * @param source CommonJS, as text so that it runs from sources and from a bundle
 */
export function startAskedWorker<Answer = undefined>(source: string, workerData?: unknown): AskedWorker<Answer> {
  // Without the options of this process, which may say that a text is a module.
  const worker = new Worker(source, { eval: true, workerData, execArgv: [] });
  const waiting: { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void }[] = [];
  let ended: { readonly error: unknown } | undefined;
  const end = (error: unknown) => {
    ended ??= { error };
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer));
  worker.on('error', end);
  worker.on('exit', () => end(new Error('The thread has ended.')));
  return {
    ask: (message) => {
      const answer = new Promise<Answer>((resolve, reject) => {
        if (ended) return reject(ended.error);
        waiting.push({ resolve, reject });
        worker.postMessage(message);
      });
      // Whoever takes the answer is told. Nobody may wait for it any more.
      answer.catch(() => undefined);
      return answer;
    },
    hasEnded: () => ended !== undefined,
    unref: () => worker.unref(),
    close: async () => {
      await worker.terminate();
    },
  };
}
