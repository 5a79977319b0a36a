import { CASE_FOLDERS, type CaseUse, siteKeys } from '../federation/keys.ts';
import { collect } from '../federation/protocol/async.ts';
import { type CatalogEntry, catalogSchema, type Rejected, rejectedSchema } from '../federation/schemas.ts';
import type { ObjectInfo, Objects } from '../storage/contract.ts';
import { claimContent } from './duplicates.ts';
import { examineCase, type Findings } from './examine.ts';
import { type Fault, fault } from './faults.ts';
import { readStored, type Stored, settle, untilSettled } from './stored.ts';

export interface SiteContext {
  readonly objects: Objects;
  readonly bucket: string;
  readonly site: string;
  readonly now: () => Date;
}

export interface IntakeResult {
  /** The case's catalog entry as it is stored now; absent where the case is not in the catalog. */
  readonly entry?: Stored<CatalogEntry> | undefined;
  readonly faults: readonly Fault[];
}

/** What a case name may be: it becomes part of keys and file names, and must not invite a patient's name. */
const CASE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Makes the catalog and the rejections of a case say what follows from the objects that are there now. Safe to call
 * at any time, any number of times, by many at once; the same state twice changes nothing.
 *
 * A case with a good image is in the catalog with its good labels; what is wrong with the rest is in `rejected/`. A
 * case without an image is in neither, unless something else in it is wrong.
 *
 * Whoever has written looks again whether the objects are still those that it saw: of many at work at once, the last
 * leaves what follows from what is there.
 *
 * @throws errors of storage; never what is wrong with an object: that is in the result, and in `rejected/`
 */
export async function intakeCase(context: SiteContext, caseId: string): Promise<IntakeResult> {
  const { objects, bucket } = context;
  const catalogKey = siteKeys.catalog(caseId);
  const rejectedKey = siteKeys.rejected(caseId);
  let seen: { readonly versions: string; readonly findings: Findings } | undefined;
  let result: IntakeResult = { faults: [] };
  await untilSettled(`Case ${caseId}`, async () => {
    const [catalog, rejected, files] = await Promise.all([
      readStored(objects, bucket, catalogKey, catalogSchema),
      readStored(objects, bucket, rejectedKey, rejectedSchema),
      filesOf(objects, bucket, caseId),
    ]);
    const versions = versionsOf(files);
    // Nothing is read twice in one call, bad images included, which the catalog does not remember.
    if (seen?.versions !== versions) seen = { versions, findings: await look(context, caseId, files, catalog?.value) };
    const findings = await withoutDuplicate(context, caseId, seen.findings, catalog?.value);
    const { faults } = findings;
    const entry = await settle(objects, bucket, catalogKey, catalog, catalogEntry(context, caseId, findings));
    const fault = await settle(objects, bucket, rejectedKey, rejected, rejection(context, caseId, faults));
    result = { entry, faults };
    if (entry === catalog && fault === rejected) return false;
    return versionsOf(await filesOf(objects, bucket, caseId)) !== versions;
  });
  return result;
}

const versionsOf = (files: readonly ObjectInfo[]): string => files.map(({ key, etag }) => `${key} ${etag}`).join('\n');

async function filesOf(objects: Objects, bucket: string, caseId: string): Promise<readonly ObjectInfo[]> {
  const listing = (use: CaseUse) => collect(objects.list(bucket, siteKeys.case(use, caseId)));
  return (await Promise.all([listing('training'), listing('evaluation')])).flat();
}

async function look(
  { objects, bucket }: SiteContext,
  caseId: string,
  files: readonly ObjectInfo[],
  known: CatalogEntry | undefined,
): Promise<Findings> {
  if (CASE_ID.test(caseId)) return examineCase(files, known, (...range) => objects.getRange(bucket, ...range));
  const reason = `The case name "${caseId}" is not allowed.`;
  const hint = 'Use a pseudonym of at most 100 letters (a-z, A-Z), digits, dots, hyphens and underscores.';
  const faults = files.map(({ key }) => fault(key, 'BAD_KEY', reason, hint));
  return { use: 'training', labels: {}, faults };
}

/** The findings, or where another case has the same image, those of a bad image. */
async function withoutDuplicate(
  { objects, bucket }: SiteContext,
  caseId: string,
  findings: Findings,
  known: CatalogEntry | undefined,
): Promise<Findings> {
  const { image, use, faults } = findings;
  if (!image) return findings;
  const { key, etag, sha256 } = image;
  const other = await claimContent(objects, bucket, sha256, { case: caseId, key, etag }, known?.image.etag === etag);
  if (other === undefined) return findings;
  const reason = `It is the same volume as the image of case ${other}.`;
  const hint = 'If both are one patient, remove this case; otherwise upload the right scan.';
  return { use, labels: {}, faults: [fault(image.key, 'BAD_IMAGE', reason, hint), ...faults] };
}

function catalogEntry(
  context: SiteContext,
  caseId: string,
  { use, image, labels }: Findings,
): CatalogEntry | undefined {
  const { site, now } = context;
  return image && { schema: 'fedcardio.catalog/1', site, case: caseId, use, at: now().toISOString(), image, labels };
}

function rejection({ site, now }: SiteContext, caseId: string, faults: readonly Fault[]): Rejected | undefined {
  if (faults.length === 0) return undefined;
  const objects = [...faults].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { schema: 'fedcardio.rejected/1', site, case: caseId, at: now().toISOString(), objects };
}

/**
 * Notes that an object lies beside the case folders (`cases/scan.nii.gz`), where it belongs to no case.
 */
export async function rejectStray(context: SiteContext, key: string): Promise<IntakeResult> {
  const { objects, bucket } = context;
  const name = key.slice(key.lastIndexOf('/') + 1);
  const hint = `Upload it as ${CASE_FOLDERS.training}/<case>/image.nii.gz.`;
  const faults = [fault(key, 'BAD_KEY', 'The file lies in no case folder.', hint)];
  const rejectedKey = siteKeys.rejected(name);
  await untilSettled(key, async () => {
    const rejected = await readStored(objects, bucket, rejectedKey, rejectedSchema);
    await settle(objects, bucket, rejectedKey, rejected, rejection(context, name, faults));
    return false;
  });
  return { faults };
}
