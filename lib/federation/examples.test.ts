import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { canonicalJson, parseJson, sha256Hex } from '../json.ts';
import * as schemas from './schemas.ts';

const FOLDER = new URL('../../docs/events/', import.meta.url);

/** The schema of every example. */
const EXAMPLES: Readonly<Record<string, z.ZodType>> = {
  federation: schemas.federationSchema,
  campaign: schemas.campaignSchema,
  plan: schemas.planSchema,
  open: schemas.openSchema,
  sent: schemas.sentSchema,
  'sent-object': schemas.sentObjectSchema,
  task: schemas.gpuTaskMessageSchema,
  update: schemas.updateSchema,
  'update-munich': schemas.updateSchema,
  'update-failed': schemas.updateSchema,
  refusal: schemas.refusalSchema,
  seal: schemas.sealSchema,
  commit: schemas.commitSchema,
  merged: schemas.mergedSchema,
  lease: schemas.leaseSchema,
  ledger: schemas.ledgerSchema,
  'privacy-secret': schemas.privacySecretSchema,
  noise: schemas.noiseSchema,
  control: schemas.controlSchema,
  outcome: schemas.outcomeSchema,
  summary: schemas.summarySchema,
  policy: schemas.policySchema,
  consent: schemas.consentSchema,
  tasks: schemas.taskListSchema,
  catalog: schemas.catalogSchema,
  rejected: schemas.rejectedSchema,
  content: schemas.contentSchema,
  examined: schemas.examinedSchema,
  withdrawn: schemas.withdrawnSchema,
  lineage: schemas.lineageSchema,
  'withdrawal-notice': schemas.noticeSchema,
  'sent-by-site': schemas.sentBySiteSchema,
  'pseudo-label': schemas.pseudoLabelReportSchema,
  job: schemas.jobSchema,
  step: schemas.stepMessageSchema,
  asked: schemas.askedSchema,
  setup: schemas.setupSchema,
  'site-keys': schemas.siteKeysSchema,
  cohort: schemas.cohortSchema,
  'site-shares': schemas.siteSharesSchema,
  survivors: schemas.survivorsSchema,
  endorsement: schemas.endorsementSchema,
  endorsed: schemas.endorsedSchema,
  reveal: schemas.revealSchema,
  opened: schemas.openedSchema,
  'signing-key': schemas.signingKeySchema,
  'campaign-secret': schemas.campaignSecretSchema,
  'known-site': schemas.knownSiteSchema,
  'endorsed-list': schemas.endorsedListSchema,
  'sent-masked': schemas.sentMaskedSchema,
  merge: schemas.mergeJobSchema,
  'batch-job-failed': schemas.batchJobEventSchema,
  's3-event': schemas.s3EventSchema,
  's3-test-event': schemas.s3EventSchema,
};

const bytesOf = (name: string): Uint8Array => readFileSync(new URL(`${name}.json`, FOLDER));
const example = <S extends z.ZodType>(name: string, schema: S) => parseJson(bytesOf(name), schema, `${name}.json`);
const storedSha256 = (name: string) => sha256Hex(canonicalJson(JSON.parse(Buffer.from(bytesOf(name)).toString())));

describe('the examples in docs/events', () => {
  test('are all parsed here', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
    expect(files.sort()).toEqual(
      Object.keys(EXAMPLES)
        .map((name) => `${name}.json`)
        .sort(),
    );
  });

  test('cover every schema that carries a version', () => {
    const versions = new Set(
      Object.keys(EXAMPLES).map(
        (name) => JSON.parse(Buffer.from(bytesOf(name)).toString()).schema as string | undefined,
      ),
    );
    const folder = new URL('schemas/', import.meta.url);
    const source = readdirSync(folder)
      .map((file) => readFileSync(new URL(file, folder), 'utf8'))
      .join('');
    const declared = [...source.matchAll(/version\('([a-z0-9-]+)'\)/g)].map(([, name]) => `fedcardio.${name}/1`);
    expect(declared.filter((name) => !versions.has(name))).toEqual([]);
  });

  test.each(Object.entries(EXAMPLES))('%s.json matches its schema', (name, schema) => {
    expect(() => example(name, schema)).not.toThrow();
  });

  test('form a chain: each contains the hash of the one before', () => {
    const plan = example('plan', schemas.planSchema);
    const open = example('open', schemas.openSchema);
    const seal = example('seal', schemas.sealSchema);
    const commit = example('commit', schemas.commitSchema);

    expect(plan.source).toBe(storedSha256('campaign'));
    expect(open.previous).toBe(storedSha256('plan'));
    expect(seal.open).toBe(storedSha256('open'));
    expect(seal.updates.map(({ sha256 }) => sha256)).toEqual([storedSha256('update'), storedSha256('update-munich')]);
    expect(commit.seal).toBe(storedSha256('seal'));
    expect(commit.previous).toBe(open.previous);
  });
});
