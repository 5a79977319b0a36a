import { randomUUID } from 'node:crypto';
import { FedcardioError, isFedcardioError, systemError } from '../../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, siteKeys } from '../../../lib/federation/keys.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { createWaitOut } from '../../../lib/storage/outages.ts';
import type { UploadState } from '../../../page/api/hospital/upload.ts';
import { commandLine } from '../../shell-words.ts';
import { checkFolder } from '../../site/check-folder.ts';
import type { SiteFolder } from '../../site/site-folder.ts';
import { uploadFolder } from '../../site/upload-folder.ts';
import { openUploadRecord } from '../../site/upload-record.ts';
import { checkedSummary, refusedCase } from './checked-summary.ts';
import { readDelivery } from './delivery.ts';
import { createLive, type Live } from './live.ts';
import { createUploadFolder, type UploadFolder } from './upload-folder.ts';

/** What uploads need. */
export interface UploadSite {
  readonly site: string;
  readonly store: SiteStore;
  readonly tasks: () => Promise<readonly Task[]>;
  /** Folder of the secret of the pseudonyms; undefined if the page has none, so that DICOM cannot be converted. */
  readonly pseudonyms: string | undefined;
  /** Told what no person caused. */
  readonly onFailure: (error: unknown) => void;
}

/** The one upload of a page, from a browser to the site's bucket by way of a temporary folder. */
export interface UploadJob {
  readonly live: Live<UploadState | undefined>;
  /** @throws FedcardioError PRECONDITION_FAILED while another upload is examined or sent */
  begin(use: CaseUse, bytes: number): string;
  add(upload: string, path: string, body: AsyncIterable<Uint8Array>): Promise<void>;
  /** Converts and checks in the background. */
  check(upload: string): void;
  /** Uploads in the background what the check has accepted. */
  send(upload: string): void;
  end(upload: string): void;
}

interface Open {
  readonly upload: string;
  readonly use: CaseUse;
  readonly folder: UploadFolder;
  readonly controller: AbortController;
  delivery?: SiteFolder;
}

/** Cases that are uploaded at the same time. */
const PARALLEL = 4;

export function createUploadJob({ site, store, tasks, pseudonyms, onFailure }: UploadSite): UploadJob {
  const live = createLive<UploadState | undefined>(undefined);
  let open: Open | undefined;
  const change = (of: Open, next: Partial<UploadState>) => {
    const before = live.get();
    if (open === of && before) live.set({ ...before, progress: undefined, ...next });
  };

  function required(upload: string, phases: readonly UploadState['phase'][]): Open {
    const phase = live.get()?.phase;
    if (open?.upload === upload && phase !== undefined && phases.includes(phase)) return open;
    throw new FedcardioError('PRECONDITION_FAILED', 'This upload has ended, or is at another step.', {
      hint: 'Begin the upload again.',
    });
  }

  function close() {
    const closed = open;
    open = undefined;
    closed?.controller.abort();
    try {
      closed?.folder.remove();
    } catch (error) {
      // It also runs in the background, where an error would end the page.
      onFailure(error);
    }
  }

  /** Runs a step. Its failure is shown; what was sent is removed from this machine. */
  function run(of: Open, step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      if (of.controller.signal.aborted) return;
      const known = systemError(error) ?? error;
      if (!isFedcardioError(known)) onFailure(error);
      const { message, hint } = isFedcardioError(known)
        ? known
        : { message: 'The server of the page failed.', hint: 'Look at the terminal that serves the page.' };
      change(of, { phase: 'failed', error: { message, ...(hint !== undefined && { hint }) } });
      close();
    });
  }

  return {
    live,
    begin(use, bytes) {
      const phase = live.get()?.phase;
      if (open && (phase === 'importing' || phase === 'checking' || phase === 'sending')) {
        throw new FedcardioError('PRECONDITION_FAILED', 'Another upload is at work.', {
          hint: 'Wait for its end, or cancel it.',
        });
      }
      const folder = createUploadFolder(bytes);
      // Only now, so that one that does not fit leaves the earlier one.
      close();
      open = { upload: randomUUID(), use, folder, controller: new AbortController() };
      live.set({ upload: open.upload, use, phase: 'receiving', refused: [] });
      return open.upload;
    },
    add: async (upload, path, body) => required(upload, ['receiving']).folder.write(path, body),
    check(upload) {
      const of = required(upload, ['receiving']);
      change(of, { phase: 'checking' });
      run(of, async () => {
        const known = await tasks();
        const { signal } = of.controller;
        const { folder, refused } = await readDelivery(of.folder, {
          ...{ use: of.use, tasks: known, pseudonyms, signal },
          isStored: (id) => isStored(store, id),
          onProgress: (progress) => {
            const isCounted = progress.kind !== 'files';
            change(of, {
              phase: 'importing',
              ...(isCounted && { progress: { done: progress.done, total: progress.total } }),
            });
          },
        });
        of.delivery = folder;
        change(of, { phase: 'checking', progress: { done: 0, total: folder.cases.length } });
        const checked = await checkFolder(folder, {
          ...{ tasks: known, signal },
          onChecked: (done, total) => change(of, { progress: { done, total } }),
        });
        change(of, { phase: 'checked', refused: [...refused], checked: checkedSummary(checked) });
      });
    },
    send(upload) {
      const of = required(upload, ['checked']);
      const { delivery, controller } = of;
      if (!delivery) return;
      change(of, { phase: 'sending' });
      run(of, async () => {
        const known = await tasks();
        const { signal } = controller;
        const result = await uploadFolder(
          store,
          { ...delivery, tasks: known },
          {
            tasks: known,
            record: openUploadRecord(delivery.dir),
            parallel: PARALLEL,
            checks: true,
            uploadsRefused: false,
            wayBack: (caseId, use) =>
              commandLine([
                ...['npx', 'fedcardio', 'site', 'withdraw', site, caseId],
                ...['--use', use === 'training' ? 'training' : 'held-out', '--keep-versions'],
              ]),
            signal,
            waitOut: createWaitOut({ now: () => new Date(), signal, onEvent: () => undefined }),
            onProgress: ({ files, ofFiles, bytes, ofBytes }) =>
              change(of, { progress: { done: files, total: ofFiles, bytes, ofBytes } }),
          },
        );
        const { uploaded, stored, refused } = result;
        change(of, { phase: 'sent', sent: { ...uploaded, stored, refused: refused.map(refusedCase) } });
        close();
      });
    },
    end(upload) {
      if (live.get()?.upload !== upload) return;
      close();
      live.set(undefined);
    },
  };
}

/** Whether the site's bucket has the CT of a case. */
async function isStored(store: SiteStore, id: string): Promise<boolean> {
  const uses = Object.keys(CASE_FOLDERS) as CaseUse[];
  const found = await Promise.all(uses.map((use) => store.head(siteKeys.image(use, id))));
  return found.some((one) => one !== undefined);
}
