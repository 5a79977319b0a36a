import { CASE_FOLDERS, siteKeys } from '../federation/keys.ts';
import { collect } from '../federation/protocol/async.ts';
import { type CatalogEntry, catalogSchema, type Rejected, rejectedSchema } from '../federation/schemas.ts';
import type { ObjectInfo, Objects } from '../storage/contract.ts';
import { claimContent } from './duplicates.ts';
import { examineCase, type Findings } from './examine.ts';
import { type Fault, fault } from './faults.ts';
import { readStored, settle, untilSettled } from './stored.ts';

export interface SiteContext {
  readonly objects: Objects;
  readonly bucket: string;
  readonly site: string;
  readonly now: () => Date;
}

export interface IntakeResult {
  readonly catalogued: boolean;
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
 * @throws errors of storage; never what is wrong with an object: that is in the result, and in `rejected/`
 */
export async function intakeCase(context: SiteContext, caseId: string): Promise<IntakeResult> {
  const { objects, bucket } = context;
  const catalogKey = siteKeys.catalog(caseId);
  const rejectedKey = siteKeys.rejected(caseId);
  let seen: { readonly listing: string; readonly findings: Findings } | undefined;
  let result: IntakeResult = { catalogued: false, faults: [] };
  await untilSettled(`Case ${caseId}`, async () => {
    const catalog = await readStored(objects, bucket, catalogKey, catalogSchema);
    const rejected = await readStored(objects, bucket, rejectedKey, rejectedSchema);
    const files = await filesOf(objects, bucket, caseId);
    const listing = files.map(({ key, etag }) => `${key} ${etag}`).join('\n');
    // Nothing is read twice in one call, bad images included, which the catalog does not remember.
    if (seen?.listing !== listing) seen = { listing, findings: await look(context, caseId, files, catalog?.value) };
    const findings = await withoutDuplicate(context, caseId, seen.findings);
    const { faults } = findings;
    result = { catalogued: findings.image !== undefined, faults };
    const changed = await settle(objects, bucket, catalogKey, catalog, catalogEntry(context, caseId, findings));
    return (await settle(objects, bucket, rejectedKey, rejected, rejection(context, caseId, faults))) || changed;
  });
  return result;
}

async function filesOf(objects: Objects, bucket: string, caseId: string): Promise<readonly ObjectInfo[]> {
  const training = await collect(objects.list(bucket, siteKeys.case('training', caseId)));
  return [...training, ...(await collect(objects.list(bucket, siteKeys.case('evaluation', caseId))))];
}

async function look(
  { objects, bucket }: SiteContext,
  caseId: string,
  files: readonly ObjectInfo[],
  known: CatalogEntry | undefined,
): Promise<Findings> {
  if (CASE_ID.test(caseId)) return examineCase(files, known, (key) => objects.stream(bucket, key));
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
): Promise<Findings> {
  const { image, use, faults } = findings;
  if (!image) return findings;
  const other = await claimContent(objects, bucket, image.sha256, { case: caseId, key: image.key });
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
    return settle(objects, bucket, rejectedKey, rejected, rejection(context, name, faults));
  });
  return { catalogued: false, faults };
}
