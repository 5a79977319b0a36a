import { join } from 'node:path';
import { DEFAULT_TASKS } from '../../../lib/federation/tasks.ts';
import type { examine } from './examine.ts';
import { type InboxOptions, startInbox } from './watch.ts';

/** Accepts every case, unlike intake: texts can stand for images. */
export const acceptAll: typeof examine = async (_folder, { cases }) => ({
  accepted: cases,
  refusedCases: [],
  reasons: [],
});

/**
 * Starts the inbox `root`/inbox with short pauses and without DICOM.
 *
 * @returns what stops it
 */
export function startTestInbox(
  root: string,
  options: Pick<InboxOptions, 'store' | 'say' | 'log'> & Partial<InboxOptions>,
): () => Promise<void> {
  const ending = new AbortController();
  const running = startInbox({
    dir: join(root, 'inbox'),
    imports: join(root, 'imports'),
    pseudonyms: join(root, 'pseudonyms'),
    quietSeconds: 0.1,
    everySeconds: 0.02,
    importer: async () => ({ series: [], passedOver: [], otherFiles: 1 }),
    examiner: acceptAll,
    tasks: async () => DEFAULT_TASKS,
    signal: ending.signal,
    ...options,
  });
  return async () => {
    ending.abort();
    await running;
  };
}
