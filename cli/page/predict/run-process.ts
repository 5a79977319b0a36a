import { fork } from 'node:child_process';
import { FedcardioError } from '../../../lib/error.ts';
import { programProcess } from '../../../lib/program.ts';
import type { PredictNews, PredictOrder } from './order.ts';

/** What is kept of what a process says before it fails, characters. */
const KEPT = 2000;

/**
 * Predicts in a process of its own, so that the page stays quick, and memory comes back.
 *
 * @throws FedcardioError as `fedcardio predict` does; INTERRUPTED after the signal
 */
export function runPredictProcess(
  order: PredictOrder,
  signal: AbortSignal,
  onProgress: (progress: Extract<PredictNews, { type: 'progress' }>) => void,
): Promise<void> {
  const { file, execArgv } = programProcess('cli/page/predict/process.ts');
  const child = fork(file, [], { execArgv: [...execArgv], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop);
  // It ends with the page, and does not keep it.
  child.unref();
  child.channel?.unref();
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-KEPT);
  });
  return new Promise<void>((resolve, reject) => {
    let end: PredictNews | undefined;
    child.on('message', (news: PredictNews) => {
      if (news.type === 'progress') onProgress(news);
      else end = news;
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      if (signal.aborted) reject(new FedcardioError('INTERRUPTED', 'The prediction was cancelled.'));
      else if (end?.type === 'done') resolve();
      else if (end?.type === 'failed') reject(new FedcardioError('BAD_CONFIGURATION', end.message, { hint: end.hint }));
      else reject(endedEarly(killedBy ?? `code ${code}`, said));
    });
    child.send(order);
  }).finally(() => signal.removeEventListener('abort', stop));
}

const endedEarly = (how: string, said: string): FedcardioError =>
  new FedcardioError('INTERRUPTED', `The process of the prediction ended with ${how}.`, {
    hint: said.trim().split('\n').at(-1) || 'It may have run out of memory: end other programs, and try again.',
  });
