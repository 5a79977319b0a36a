import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { FedcardioError } from '../../../lib/error.ts';
import { caseNameFinding, isRefusedName } from '../../../lib/federation/case-names.ts';
import { CASE_FOLDERS, type CaseUse, parseCaseKey, type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import { printable } from '../../../lib/printable.ts';
import { readInput } from '../../read-input.ts';
import { keyOf } from '../../upload-file.ts';
import { readSiteFolder } from '../site-folder.ts';
import { isOfTasks } from '../storable-files.ts';

/** A file that a hospital is invited to upload. */
export interface InvitedFile {
  readonly key: SiteKey;
  readonly bytes?: number;
}

/**
 * The files of an invitation: those of a folder of cases, with their sizes; or of a list, which names a case or a file of a
 * case on each line.
 *
 * @param tasks whose labels may be uploaded; a list that names a label asks for it
 * @throws FedcardioError that names the line, if it is no case or looks like a patient's name
 */
export function invitedFiles(source: string, use: CaseUse, tasks: readonly Task[]): readonly InvitedFile[] {
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const files = isFolder ? filesOfFolder(source, use, tasks) : filesOfList(source, use, tasks);
  if (files.length > 0) return [...new Map(files.map((file) => [file.key, file])).values()];
  throw new FedcardioError('BAD_CONFIGURATION', `${source} names no cases.`, {
    hint: 'Expected a folder of cases, or a file with the name of a case on each line.',
  });
}

const filesOfFolder = (dir: string, use: CaseUse, tasks: readonly Task[]): readonly InvitedFile[] =>
  readSiteFolder(dir, tasks, use === 'evaluation').cases.flatMap((one) =>
    one.files
      .map((file) => ({ key: keyOf(one, file), path: file.path }))
      .filter(({ key }) => isUsable(key) && isOfTasks(key, tasks))
      .map(({ key, path }) => ({ key, bytes: statSync(path).size })),
  );

/**
 * What of a folder gets no link, and why; nothing for a list, whose lines are all used or refused.
 *
 * @param tasks whose labels may be uploaded
 */
export function leftOut(source: string, tasks: readonly Task[]): readonly string[] {
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [];
  const { cases, strays } = readSiteFolder(source, tasks);
  const place = (path: string) => relative(source, path);
  return [
    ...cases.flatMap((one) => {
      if (isRefusedName(one.id)) {
        return [
          `case ${one.id}: its name ${caseNameFinding(one.id)?.what}. Rename the folder to a pseudonym such as p7.`,
        ];
      }
      return one.files.flatMap((file) => {
        const key = keyOf(one, file);
        if (!isUsable(key)) return [`${place(file.path)}: it is no CT or label of a case.`];
        return isOfTasks(key, tasks) ? [] : [`${place(file.path)}: it is of no task of the invitation.`];
      });
    }),
    ...strays.map(
      ({ path, fault }) => `${place(path)}: ${fault ? 'it cannot be read' : 'it is in no folder of a case'}.`,
    ),
  ];
}

function filesOfList(file: string, use: CaseUse, tasks: readonly Task[]): readonly InvitedFile[] {
  const lines = Buffer.from(readInput(file)).toString().split(/\r?\n/);
  return lines.flatMap((text, index) => {
    const line = text.trim();
    if (line === '' || line.startsWith('#')) return [];
    const keys = line.includes('/') ? [siteKeys.ofEvent(`${CASE_FOLDERS[use]}/${line}`)] : keysOfCase(line, use, tasks);
    if (keys.every(isUsable)) return keys.map((key) => ({ key }));
    throw new FedcardioError(
      'BAD_KEY',
      `Line ${index + 1} of ${file} is no case or file of a case: "${printable(line)}".`,
      {
        hint: 'Expected a pseudonym such as p7, or p7/image.nii.gz, or p7/labels/<task>.nii.gz. Names of patients are refused.',
      },
    );
  });
}

const keysOfCase = (caseId: string, use: CaseUse, tasks: readonly Task[]): readonly SiteKey[] => [
  siteKeys.image(use, caseId),
  ...tasks.flatMap(({ id, kind }) => [
    siteKeys.label(use, caseId, id),
    ...(kind === 'landmarks' ? [siteKeys.markups(use, caseId, id)] : []),
  ]),
];

function isUsable(key: SiteKey): boolean {
  const parsed = parseCaseKey(key);
  return parsed !== undefined && parsed.part.kind !== 'unknown' && !isRefusedName(parsed.caseId);
}
