import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../json.ts';
import { nameCollisions } from '../names.ts';
import { checkAws } from './aws-checks.ts';
import {
  accountField,
  budgetSchema,
  gpuSchema,
  imageField,
  personSchema,
  principalField,
  regionField,
  subscriberField,
  tagsField,
  zonesField,
} from './aws-options.ts';
import { count, id, perTask, sha256, time, version } from './common.ts';
import { tasksSchema } from './task.ts';

const encryption = z.enum(['shared-key', 'key-per-bucket', 's3-managed']);

/** IAM Roles Anywhere accepts only certificates that may sign others. */
function isAuthority(pem: string): boolean {
  try {
    return pem.split('BEGIN CERTIFICATE').length === 2 && new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

const certificateSchema = z.strictObject({
  authority: z
    .string()
    .max(8000)
    .refine(isAuthority, "expected one authority's certificate as PEM, with CA:TRUE")
    .describe("Certificate of the authority that signs the machine's certificate, as PEM."),
  commonName: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'expected the common name of a certificate, such as fedcardio.hospital.example')
    .describe("Common name (CN) of the machine's certificate. No other certificate of this authority is accepted."),
});

const siteSchema = z.strictObject({
  id: id.describe("Id of the site. It is a part of the names of the site's bucket, queues and roles."),
  name: z.string().min(1).max(200).describe('Name of the hospital, for people.'),
  place: z
    .enum(['aws', 'on-premises'])
    .optional()
    .describe(
      "Where the site's cases and GPU tasks are: on AWS, or on the hospital's own machine (`fedcardio site run`). Default: aws.",
    ),
  principal: principalField
    .optional()
    .describe('ARN of the principal as which the machine of an on-premises site signs in. Default: its certificate.'),
  certificate: certificateSchema
    .optional()
    .describe('The certificate with which the machine of an on-premises site signs in, by IAM Roles Anywhere.'),
  account: accountField.optional().describe("AWS account of the site, 12 digits, as text. Default: the coordinator's."),
  region: regionField.optional().describe("AWS region of the site. Default: the coordinator's."),
  image: imageField
    .optional()
    .describe("Container image of the site's GPU tasks, in ECR of the site's region. Default: the federation's."),
  uploaders: z
    .array(personSchema)
    .optional()
    .describe(
      "Who may assume the site's upload role: ARNs of principals, or people of an identity provider. Default: the site has no such role.",
    ),
  withdrawers: z
    .array(personSchema)
    .optional()
    .describe(
      "Who may assume the site's withdraw role, which deletes cases with all versions, such as the data protection officer. Default: the site has no such role.",
    ),
  gpu: gpuSchema.optional().describe("The hosts of the site's GPU tasks."),
  zones: zonesField
    .optional()
    .describe(
      "Availability zones of the network in the site's account and region. Default: the federation's if it has the same region, else the first two.",
    ),
  subscribers: z
    .array(subscriberField)
    .optional()
    .describe("Who receives the site's alarms: e-mail addresses, https:// addresses, ARNs of SQS queues or functions."),
  encryption: encryption.optional().describe('How the site is encrypted at rest. Default: as the federation.'),
});

/** Starts and ends that S3 forbids in bucket names, which begin with the federation's id and may end with a site's id. */
const FORBIDDEN_STARTS = ['xn--', 'sthree-', 'amzn-s3-demo-'];
const FORBIDDEN_ENDS = ['-s3alias', '--ol-s3', '--x-s3', '--table-s3'];

/** `federation.json`: the hospitals, and where each of them is deployed. */
export const federationSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Path of `federation.schema.json`, for editors.'),
    schema: version('federation'),
    id: id.describe('Id of the federation. The name of every bucket, queue, role and stack begins with it.'),
    account: accountField
      .optional()
      .describe("AWS account of the coordinator, 12 digits, as text. Default: the deployer's."),
    region: regionField.optional().describe("AWS region of the coordinator. Default: the deployer's."),
    image: imageField
      .optional()
      .describe("Container image of the GPU tasks, in ECR. Default: this version, in the federation's own repository."),
    minSites: z
      .int()
      .positive()
      .optional()
      .describe('Smallest number of sites whose updates may be averaged to a model. Default: 1.'),
    researchers: z
      .array(personSchema)
      .optional()
      .describe('Who may assume the role that starts, pauses and reads campaigns. Default: there is no such role.'),
    zones: zonesField
      .optional()
      .describe(
        "Availability zones of the network in the coordinator's account and region. Later, zones can be added at the end. Default: the first two.",
      ),
    subscribers: siteSchema.shape.subscribers.describe(
      "Who receives the coordinator's alarms: e-mail addresses, https:// addresses, ARNs of SQS queues or functions.",
    ),
    tags: tagsField
      .optional()
      .describe('Tags of every resource, except compute environments of Batch, whose tags cannot be changed.'),
    budget: budgetSchema
      .optional()
      .describe("Warns of the monthly cost of the coordinator's account, and of each account of a site."),
    trail: z
      .boolean()
      .optional()
      .describe(
        "Whether CloudTrail records every read and write of the buckets' objects, into a bucket for each account and region. Default: no.",
      ),
    dashboard: z
      .boolean()
      .optional()
      .describe('Whether there is a CloudWatch dashboard, which costs 3 USD a month. Default: yes.'),
    reservedConcurrency: z
      .boolean()
      .optional()
      .describe(
        "Whether each function reserves its share of the account's concurrent executions. New accounts allow none to be reserved. Default: no.",
      ),
    encryption: encryption
      .optional()
      .describe(
        'How objects, messages and logs are encrypted at rest: `shared-key`, with one key for each account and region; `key-per-bucket`, with keys for each bucket, its queues and each stack; `s3-managed`, without keys of your own. Default: shared-key.',
      ),
    objectLockDays: z
      .int()
      .positive()
      .max(36_500)
      .optional()
      .describe(
        "Days during which no one, including administrators, can delete a version of an object in the federation's bucket. Sites' buckets have no lock. Default: no lock.",
      ),
    tasks: tasksSchema
      .optional()
      .describe(
        'The tasks that the federation learns, until `fedcardio tasks set` replaces them. Default: those of the paper.',
      ),
    onlySite: id
      .optional()
      .describe(
        'Id of the one site of this file, if only its stacks are made: `fedcardio bundle` writes it for a hospital that deploys its own. Default: the stacks of all sites and of the coordinator.',
      ),
    sites: z.array(siteSchema).min(1).describe('The sites.'),
  })
  .superRefine((federation, context) => {
    const fault = (path: readonly PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    const { sites, minSites } = federation;
    for (const start of FORBIDDEN_STARTS.filter((start) => federation.id.startsWith(start))) {
      fault(['id'], `S3 forbids names that begin with "${start}"`);
    }
    if (minSites !== undefined && minSites > sites.length) {
      fault(['minSites'], `${minSites} sites are needed for any round, the federation has ${sites.length}`);
    }
    if (federation.onlySite !== undefined && (sites.length !== 1 || sites[0]?.id !== federation.onlySite)) {
      fault(['onlySite'], 'expected the id of the one site that the file has');
    }
    checkPlace(federation, (message) => fault([], message));
    checkAws(federation, fault);
    for (const { index, message } of nameCollisions(federation))
      fault(['sites', index, 'id'], `${message}; choose another`);
    if (!isImageIn(federation.image, federation.region)) {
      fault(['image'], `the image is not in ${federation.region}, the only region that the network there reaches`);
    }
    const seen = new Map<string, number>();
    const identities = new Map<string, string>();
    sites.forEach((site, index) => {
      const at = ['sites', index];
      const first = seen.get(site.id);
      if (first !== undefined) fault([...at, 'id'], `site id "${site.id}" is used twice, by sites[${first}] already`);
      else seen.set(site.id, index);
      for (const end of FORBIDDEN_ENDS.filter((end) => `-${site.id}`.endsWith(end))) {
        fault([...at, 'id'], `S3 forbids names that end with "${end}"`);
      }
      const identity = canonicalJson(site.certificate ?? site.principal ?? site.id);
      const other = identities.get(identity);
      if (other !== undefined) fault(at, `it signs in as "${other}" does: whoever has the one would be the other too`);
      identities.set(identity, site.id);
      checkPlace(site, (message) => fault(at, message));
      checkMachine(site, (path, message) => fault([...at, ...path], message));
      if (site.account !== undefined && federation.account === undefined) {
        fault(at, 'the site names its account, so the federation has to name its own too');
      }
      if (site.region !== undefined && site.region !== federation.region && site.image === undefined) {
        fault(at, `the site is not in ${federation.region}, so it needs an image in its own region's ECR`);
      }
      const region = site.region ?? federation.region;
      if (!isImageIn(site.image, region)) {
        fault([...at, 'image'], `the image is not in ${region}, the only region that the site's network reaches`);
      }
    });
  });

/** Whether a network of this region reaches the image. Networks have no internet. */
const isImageIn = (image: string | undefined, region: string | undefined): boolean =>
  image === undefined || region === undefined || image.includes(`.ecr.${region}.`);

function checkPlace(
  { account, region }: { account?: string | undefined; region?: string | undefined },
  fault: (message: string) => void,
) {
  if ((account === undefined) !== (region === undefined)) {
    fault(`give account and region together: ${account === undefined ? 'account' : 'region'} is missing`);
  }
}

/** Fields that describe the part of a site that is on AWS. An on-premises site has only a queue there, the coordinator's. */
const ON_AWS = ['account', 'region', 'zones', 'image', 'uploaders', 'withdrawers', 'gpu', 'encryption'] as const;

function checkMachine(
  site: z.infer<typeof siteSchema>,
  fault: (path: readonly PropertyKey[], message: string) => void,
): void {
  const signsIn = (['principal', 'certificate'] as const).filter((field) => site[field] !== undefined);
  if (site.place !== 'on-premises') {
    for (const field of signsIn) fault([field], 'only a site whose place is "on-premises" has this field');
    return;
  }
  for (const field of ON_AWS.filter((field) => site[field] !== undefined)) {
    fault([field], 'an on-premises site has nothing on AWS that this field describes');
  }
  if (signsIn.length !== 1) fault([], 'an on-premises site needs either a certificate or a principal, to sign in');
}

/** A site's counts of cases. Nothing in it is about one patient. */
export const summarySchema = z.strictObject({
  schema: version('summary'),
  site: id,
  at: time,
  cases: z.strictObject({
    training: count,
    evaluation: count,
    rejected: count,
    /** Pairs of a training CT and a held-out CT that look like parts of one scan; absent if there are none. */
    suspected: count.optional(),
  }),
  /** Training cases with a label of the task. */
  labelled: perTask(count),
  /** Held-out cases with a label of the task. */
  labelledEvaluation: perTask(count),
  /** Training cases of smoke tests with a label, which no other count includes; absent if there are none. */
  smokeTests: count.optional(),
  /** Release of fedcardio that counted. Absent in summaries of earlier releases. */
  release: z.string().max(60).optional(),
});

/** `tasks.json`: the tasks of the federation. */
export const taskListSchema = z.strictObject({
  schema: version('tasks'),
  tasks: tasksSchema.describe('The tasks that the federation learns.'),
  declared: sha256
    .optional()
    .describe('SHA-256 of the tasks of `federation.json` that were published last. Those are not published again.'),
});

/** `federation.json`. */
export type Federation = z.infer<typeof federationSchema>;
/** A hospital of a federation. */
export type Site = Federation['sites'][number];
/** How a site, or the coordinator, is encrypted at rest. */
export type Encryption = z.infer<typeof encryption>;
/** Whether the site's bucket, intake and GPU tasks are on the hospital's own machine. */
export const isOnPremises = ({ place }: Pick<Site, 'place'>): boolean => place === 'on-premises';
/** `summary.json` of a site: counts of its cases. */
export type Summary = z.infer<typeof summarySchema>;
