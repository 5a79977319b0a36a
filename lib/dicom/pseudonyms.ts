import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FedcardioError } from '../error.ts';
import type { SeriesIds } from './inspect.ts';

/** Names that cannot be traced back to a patient without the site's secret. */
export interface Pseudonyms {
  /** Starts the names of all cases of one patient, such as `p4f1c09a7be22`. */
  patient(ids: SeriesIds): string;
  /** The case of one volume, such as `p4f1c09a7be22-9d03ac51`: the same for the same series. */
  case(ids: SeriesIds): string;
}

const SECRET_FILE = 'secret';

/**
 * Opens the secret of a site, or makes one. It is as confidential as the patients' ids: whoever has it can compute the
 * pseudonym of an id. Folder and file are for the owner alone.
 *
 * @param dir folder of the secret, which stays at the site
 * @throws BAD_CONFIGURATION if the secret is damaged
 */
export function openPseudonyms(dir: string): Pseudonyms {
  const secret = secretOf(dir);
  const hmac = (...parts: readonly string[]) =>
    createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex');
  // Without an id, nothing says that two studies are of one patient.
  const patient = ({ patient: id, study, series }: SeriesIds) =>
    `p${(id === '' ? hmac('study', study || series) : hmac('patient', id)).slice(0, 12)}`;
  return {
    patient,
    case: (ids) => `${patient(ids)}-${hmac('series', ids.study, ids.series, ids.part).slice(0, 8)}`,
  };
}

function secretOf(dir: string): Buffer {
  const file = join(dir, SECRET_FILE);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 });
    // Keeps secret and map out of a repository that the cases may lie in.
    writeFileSync(join(dir, '.gitignore'), '*\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(file, 0o600);
  const text = readFileSync(file, 'utf8').trim();
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, 'hex');
  throw new FedcardioError('BAD_CONFIGURATION', `The secret of the pseudonyms is damaged: ${file}.`, {
    hint: 'Restore it from a backup. With another secret, every patient gets another pseudonym and is imported again.',
  });
}
