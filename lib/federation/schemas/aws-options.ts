import { z } from 'zod';

/** Fields of `federation.json` that describe what is on AWS. */

export const accountField = z.string().regex(/^\d{12}$/, 'expected the 12 digits of an AWS account, as text');
export const regionField = z
  .string()
  .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'expected a region of AWS, such as eu-central-1');
export const principalField = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:iam::\d{12}:(?:root|(?:role|user)\/[\w+=,.@/-]+)$/,
    'expected the ARN of an IAM role, user or account, such as arn:aws:iam::123456789012:role/radiology',
  );
export const imageField = z
  .string()
  .regex(
    /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/[a-z0-9._/-]+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/,
    'expected an image of ECR with its tag or digest, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/fedcardio:0.1.0',
  );

const providerField = (kind: string, example: string) =>
  z
    .string()
    .regex(
      new RegExp(`^arn:aws[a-z-]*:iam::\\d{12}:${kind}/[\\w.:/-]+$`),
      `expected the ARN of an identity provider, such as arn:aws:iam::123456789012:${kind}/${example}`,
    );

const claim = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

/** Ways to name people, each with the fields that it needs. */
const WAYS = { role: ['externalId'], saml: [], oidc: [], permissionSet: ['account'] } as const;

/** Who may assume a role of people: a principal, or people of an identity provider. */
export const personSchema = z.union([
  principalField,
  z
    .strictObject({
      role: principalField.optional().describe('ARN of a principal that must give an external id.'),
      externalId: z
        .string()
        .regex(/^[\w+=,.@:/-]{2,1224}$/, 'expected 2 to 1,224 letters, digits and +=,.@:/_-')
        .optional()
        .describe('External id of the principal `role`, agreed with whoever operates it.'),
      saml: providerField('saml-provider', 'hospital').optional().describe('ARN of a SAML identity provider in IAM.'),
      oidc: z
        .strictObject({
          provider: providerField('oidc-provider', 'login.hospital.example').describe(
            'ARN of an OpenID Connect provider in IAM.',
          ),
          // Without both, everyone whom the provider knows could assume the role.
          claims: z
            .strictObject({
              aud: claim.describe('Audience: the id of the application.'),
              sub: claim.describe('Subject: the ids of people or workloads.'),
            })
            .describe('Values that the claims of a token must have, without wildcards.'),
        })
        .optional()
        .describe('People of an OpenID Connect provider.'),
      permissionSet: z
        .string()
        .regex(/^[\w+=,.@-]{1,32}$/, 'expected the name of a permission set')
        .optional()
        .describe('Name of a permission set of IAM Identity Center.'),
      account: accountField.optional().describe('The account in which people have `permissionSet`.'),
    })
    .superRefine((person, context) => {
      const ways = Object.entries(WAYS).filter(([way]) => person[way as keyof typeof WAYS] !== undefined);
      const [[way, needs] = []] = ways;
      if (!way || !needs || ways.length > 1) {
        context.addIssue({ code: 'custom', message: `expected one of ${Object.keys(WAYS).join(', ')}` });
        return;
      }
      for (const field of Object.values(WAYS).flat()) {
        const isNeeded = (needs as readonly string[]).includes(field);
        if (isNeeded === (person[field] !== undefined)) continue;
        context.addIssue({
          code: 'custom',
          path: [field],
          message: `${way} ${isNeeded ? 'needs' : 'has no'} ${field}`,
        });
      }
    }),
]);
export type Person = z.infer<typeof personSchema>;

export const subscriberField = z
  .string()
  .max(2048)
  .regex(
    /^(?:[^\s@:/]+@[^\s@:/]+\.[^\s@:/]+|https:\/\/[^\s/]+(?:\/\S*)?|arn:aws[a-z-]*:(?:sqs|lambda):[a-z0-9-]+:\d{12}:\S+)$/,
    'expected an e-mail address, an https:// address, or the ARN of an SQS queue or a Lambda function',
  );

export const zonesField = z
  .array(z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d[a-z]$/, 'expected an availability zone, such as eu-central-1a'))
  .min(1)
  .max(6)
  .refine((zones) => new Set(zones).size === zones.length, 'a zone is named twice');

const MAX_VCPUS = 8;
const VCPUS = 4;

/** Hosts by default: one GPU of 24 GB, enough for the full-size models, in the two generations with most spot capacity. */
export const GPU_DEFAULTS = {
  instanceTypes: ['g5.xlarge', 'g6.xlarge'],
  maxVcpus: MAX_VCPUS,
  vcpus: VCPUS,
  memoryMib: 14_000,
  gpus: 1,
  spot: true,
} as const;

/** The default hosts have 4 vCPUs, 16 GiB of memory and one GPU. */
const DEFAULT_HOST_MIB = 16 * 1024;
/** Share of a host's memory that jobs get at most: the kernel and the ECS agent keep some. An estimate, not measured. */
export const HOST_MEMORY_SHARE = 15 / 16;

/** Most of a host that a GPU task gets, unless other hosts are named. */
const MOST_BY_DEFAULT = { vcpus: VCPUS, gpus: 1, memoryMib: DEFAULT_HOST_MIB * HOST_MEMORY_SHARE } as const;

export const gpuSchema = z
  .strictObject({
    instanceTypes: z
      .array(z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'expected an EC2 instance type, such as g5.xlarge'))
      .min(1)
      .optional()
      .describe('EC2 instance types with a GPU, all of one architecture. Default: g5.xlarge, g6.xlarge.'),
    maxVcpus: z.int().positive().optional().describe('Most vCPUs that run at once, which limits the cost. Default: 8.'),
    vcpus: z.int().positive().max(192).optional().describe('vCPUs of a GPU task. Default: 4.'),
    memoryMib: z
      .int()
      .min(4096)
      .max(2_000_000)
      .optional()
      .describe(
        'Memory of a GPU task, MiB. Less than the instance type has, since the host needs some. Default: 14,000.',
      ),
    gpus: z.int().positive().max(16).optional().describe('GPUs of a GPU task, which uses one of them. Default: 1.'),
    spot: z
      .union([z.boolean(), z.literal('only')])
      .optional()
      .describe(
        'Whether hosts are spot instances: `true`, and on demand when there are none; `"only"`; or `false`, on demand only. Default: true.',
      ),
  })
  .refine(
    ({ maxVcpus = MAX_VCPUS, vcpus = VCPUS }) => vcpus <= maxVcpus,
    'maxVcpus is less than one GPU task needs (vcpus)',
  )
  .superRefine((gpu, context) => {
    if (gpu.instanceTypes) return;
    for (const [field, most] of Object.entries(MOST_BY_DEFAULT)) {
      const given = gpu[field as keyof typeof MOST_BY_DEFAULT];
      if (given === undefined || given <= most) continue;
      const message = `${GPU_DEFAULTS.instanceTypes.join(' and ')} leave ${most} to a GPU task; name larger ones in instanceTypes`;
      context.addIssue({ code: 'custom', path: [field], message });
    }
  });

const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
export const tagsField = z
  .record(
    z
      .string()
      .min(1)
      .max(128)
      .regex(TAG)
      .refine((name) => !/^aws:/i.test(name), 'tags that begin with aws: belong to AWS')
      // Policies tell the roles of sites, and the endpoints of a network, apart by them.
      .refine((name) => !/^fedcardio-/i.test(name), 'tags that begin with fedcardio- belong to fedcardio'),
    z.string().max(256).regex(TAG, 'expected letters, digits, spaces and _.:/=+-@'),
  )
  .refine(
    (tags) => new Set(Object.keys(tags).map((name) => name.toLowerCase())).size === Object.keys(tags).length,
    'two tags differ only in upper and lower case, which roles do not tell apart',
  )
  .refine((tags) => Object.keys(tags).length <= 40, 'AWS allows 50 tags for a resource; 40 of them can be given here');

export const budgetSchema = z.strictObject({
  usdPerMonth: z.number().positive().max(1e9).describe('Limit of the monthly cost of the account, USD.'),
  email: z.email().describe('Who is told when 80 % are spent, and when the forecast is above the limit.'),
});
