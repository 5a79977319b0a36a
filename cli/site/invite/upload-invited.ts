import { statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { mapConcurrently } from '../../../lib/async.ts';
import { readLink, uploadToLink } from '../../../lib/aws/links.ts';
import { FedcardioError } from '../../../lib/error.ts';
import { parseCaseKey, type SiteKey } from '../../../lib/federation/keys.ts';
import { catalogSchema, rejectedSchema } from '../../../lib/federation/schemas.ts';
import { faultOfObject } from '../../../lib/intake/faults.ts';
import { parseDocument } from '../../../lib/json.ts';
import { keyOf } from '../../upload-file.ts';
import { checkFolder } from '../check-folder.ts';
import type { CheckedCase } from '../checked-case.ts';
import type { SiteFolder } from '../site-folder.ts';
import { acceptedFiles, isStorable } from '../storable-files.ts';
import type { VerdictRow } from '../verdict-rows.ts';
import type { Invitation } from './invitation.ts';

export interface InvitedUploadOptions {
  readonly parallel: number;
  /** Whether files are examined first; those that intake would refuse stay here. */
  readonly checks: boolean;
  /** Whether files that the check refuses are uploaded nevertheless, except under a patient's name. */
  readonly uploadsRefused: boolean;
  /** Seconds to wait for what intake says. 0: do not wait. */
  readonly patienceSeconds: number;
  readonly signal: AbortSignal;
  readonly onFile?: (done: number, total: number) => void;
  /** For tests. */
  readonly pauseMs?: number;
}

export interface InvitedUpload {
  readonly uploaded: { readonly files: number; readonly bytes: number };
  /** Files without a link, or of another size than the link accepts. */
  readonly without: readonly string[];
  /** Cases with files that were not uploaded because intake would refuse them. */
  readonly refused: readonly CheckedCase[];
  readonly verdicts: readonly VerdictRow[];
}

interface Upload {
  readonly key: SiteKey;
  readonly path: string;
  readonly bytes: number;
  readonly url: string;
}

const PAUSE_MS = 5_000;

/**
 * Uploads a folder by links, and waits for what intake says.
 *
 * @throws FedcardioError if the invitation has expired, or the storage refuses a link
 */
export async function uploadInvited(
  invitation: Invitation,
  folder: SiteFolder,
  options: InvitedUploadOptions,
): Promise<InvitedUpload> {
  if (new Date(invitation.expires) < new Date()) {
    throw new FedcardioError('BAD_CONFIGURATION', `The invitation expired at ${invitation.expires}.`, {
      hint: 'Ask for a new one.',
    });
  }
  const checked = options.checks ? await checkFolder(folder, { tasks: invitation.tasks, signal: options.signal }) : [];
  const byName = new Map(checked.map((one) => [one.case, one]));
  const links = new Map(invitation.files.map((file) => [file.key, file]));
  const without: string[] = [];
  const uploads: Upload[] = [];
  for (const one of folder.cases) {
    const isFiltered = options.checks && !options.uploadsRefused;
    const files = isFiltered ? acceptedFiles(folder.dir, one, byName.get(one.id), invitation.tasks) : one.files;
    for (const file of files) {
      const key = keyOf(one, file);
      if (parseCaseKey(key)?.part.kind === 'unknown') continue;
      const found = isStorable(one, file) ? links.get(key) : undefined;
      const bytes = statSync(file.path).size;
      if (found && (found.bytes ?? bytes) === bytes) uploads.push({ key, path: file.path, bytes, url: found.url });
      else without.push(key);
    }
  }
  const sent = new Set(uploads.map(({ key }) => parseCaseKey(key)?.caseId));
  const refused = checked.filter(
    ({ case: id, faults }) => faults.length > 0 && !(options.uploadsRefused && sent.has(id)),
  );
  let done = 0;
  const stored = await mapConcurrently(uploads, options.parallel, async (upload) => {
    options.signal.throwIfAborted();
    const { etag, date } = await uploadToLink(upload.url, upload.path, options.signal);
    options.onFile?.(++done, uploads.length);
    return { ...upload, etag, date };
  });
  return {
    uploaded: { files: stored.length, bytes: stored.reduce((sum, { bytes }) => sum + bytes, 0) },
    without,
    refused,
    verdicts: options.patienceSeconds > 0 ? lacking(await awaitVerdicts(invitation, stored, options), refused) : [],
  };
}

/** A case of which a file stayed here is accepted in part. */
function lacking(rows: readonly VerdictRow[], refused: readonly CheckedCase[]): readonly VerdictRow[] {
  const names = new Set(refused.map((one) => one.case));
  return rows.map((row) =>
    row.verdict === 'accepted' && names.has(row.case) ? { ...row, verdict: 'partly accepted' } : row,
  );
}

type Stored = Upload & { readonly etag: string; readonly date: Date };

/** What intake says of each case that was uploaded; `pending` if it does not answer in time. */
async function awaitVerdicts(
  invitation: Invitation,
  stored: readonly Stored[],
  { patienceSeconds, signal, pauseMs = PAUSE_MS }: InvitedUploadOptions,
): Promise<readonly VerdictRow[]> {
  const end = performance.now() + patienceSeconds * 1000;
  let open = [...new Set(stored.map(({ key }) => parseCaseKey(key)?.caseId ?? ''))];
  const rows: VerdictRow[] = [];
  while (open.length > 0 && performance.now() < end) {
    const still: string[] = [];
    for (const id of open) {
      const own = stored.filter(({ key }) => parseCaseKey(key)?.caseId === id);
      const found = await verdictOf(invitation, id, own, signal);
      if (found) rows.push(...found);
      else still.push(id);
    }
    open = still;
    if (open.length > 0) await delay(pauseMs, undefined, { signal });
  }
  return [...rows, ...open.map((id): VerdictRow => ({ case: id, verdict: 'pending', ...NOTHING }))];
}

const NOTHING = { file: '', code: '', reason: '', hint: '' } as const;

/** Undefined until intake has looked at everything that was uploaded of a case. */
async function verdictOf(
  { verdicts }: Invitation,
  id: string,
  stored: readonly Stored[],
  signal: AbortSignal,
): Promise<readonly VerdictRow[] | undefined> {
  const links = verdicts[id];
  if (!links) return [{ case: id, verdict: 'pending', ...NOTHING }];
  const [catalog, rejected] = await Promise.all([readLink(links.catalog, signal), readLink(links.rejected, signal)]);
  const entry = catalog && parseDocument(Buffer.from(catalog.body), catalogSchema, `the catalog entry of ${id}`);
  const faults = rejected
    ? parseDocument(Buffer.from(rejected.body), rejectedSchema, `the rejection of ${id}`)
    : undefined;
  const known = new Map([
    ...(entry ? [[entry.image.key, entry.image.etag] as const] : []),
    ...Object.values(entry?.labels ?? {}).map(({ key, etag }) => [key, etag] as const),
  ]);
  const isNew = (at: Date) => (rejected?.lastModified.getTime() ?? 0) >= at.getTime() - 1000;
  const isDecided = ({ key, etag, date }: Stored) =>
    known.get(key) === etag || (isNew(date) && faultOfObject(key, faults?.objects ?? []) !== undefined);
  // Labels of a CT that was rejected are not looked at.
  const isHopeless = !entry && stored.some(({ date }) => isNew(date)) && faults !== undefined;
  if (!isHopeless && !stored.every(isDecided)) return undefined;
  const verdict = entry ? (faults ? 'partly accepted' : 'accepted') : 'rejected';
  if (!faults) return [{ case: id, verdict, ...NOTHING }];
  return faults.objects.map(({ key, code, reason, hint = '' }) => ({
    case: id,
    verdict,
    file: key,
    code,
    reason,
    hint,
  }));
}
