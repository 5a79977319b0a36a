import { collect } from '../async.ts';
import { shownName } from '../federation/case-names.ts';
import { CASE_FOLDERS, isStrayKey, parseCaseKey, type SiteKey, siteKeys } from '../federation/keys.ts';
import type { Task } from '../federation/tasks.ts';
import { sha256Hex } from '../json.ts';
import type { IntakeStore, ObjectInfo } from '../storage/contract.ts';
import { listDocuments } from '../storage/documents.ts';
import { documentedCase } from './listing.ts';

/** A case or a stray (an object outside any case), with what the listings show of it. */
export interface Subject {
  /** The case's id, or the key of the stray's rejection, which has slashes. */
  readonly name: string;
  readonly files: readonly ObjectInfo<SiteKey>[];
  /** ETags of intake's documents about it. */
  readonly catalog: string | undefined;
  readonly rejected: string | undefined;
}

export const isStray = ({ name }: Pick<Subject, 'name'>): boolean => name.includes('/');

/**
 * Changes with every upload, replacement and removal of the subject's objects and documents, and with what intake reads of the
 * federation's tasks: a label may be one of a new task, or of one that is removed or has other classes.
 */
export const digestOf = ({ name, files, catalog, rejected }: Subject, tasks: readonly Task[]): string => {
  const versions = files.map(({ key, etag }) => [key, etag]);
  const terms = tasks.map(({ id, kind, classes }) => [id, kind, classes]);
  return sha256Hex(JSON.stringify([name, versions, catalog, rejected, terms])).slice(0, 16);
};

/** Cases and strays that are stored or have a document of intake. Costs four listings. */
export async function listSubjects(store: IntakeStore): Promise<readonly Subject[]> {
  const subjects = new Map<string, { files: ObjectInfo<SiteKey>[]; catalog?: string; rejected?: string }>();
  const subject = (name: string) => {
    const found = subjects.get(name) ?? { files: [] };
    subjects.set(name, found);
    return found;
  };
  const [catalog, rejected, ...files] = await Promise.all([
    collect(listDocuments(store, siteKeys.catalogPrefix)),
    collect(listDocuments(store, siteKeys.rejectedPrefix)),
    ...Object.values(CASE_FOLDERS).map((folder) => collect(store.list(siteKeys.casePrefix(folder, '')))),
  ]);
  for (const info of files.flat()) {
    const name = isStrayKey(info.key) ? siteKeys.rejectedStray(info.key) : parseCaseKey(info.key)?.caseId;
    if (name !== undefined) subject(name).files.push(info);
  }
  for (const { key, etag } of catalog) {
    const id = documentedCase(key);
    if (!id.includes('/')) subject(id).catalog = etag;
  }
  const named = new Map([...subjects.keys()].map((name) => [shownName(name), name]));
  for (const { key, etag } of rejected) {
    const id = documentedCase(key);
    if (!id.includes('/')) subject(named.get(id) ?? id).rejected = etag;
    else if (key.startsWith(siteKeys.strayPrefix)) subject(key).rejected = etag;
  }
  return Array.from(subjects, ([name, { files, catalog, rejected }]) => ({ name, files, catalog, rejected }));
}
