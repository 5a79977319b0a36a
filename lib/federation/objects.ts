/**
 * Every kind of stored object, for the tables in docs/objects.md and docs/events/README.md. Its readers and
 * writers come from access.ts. A test checks that every key of keys.ts is here, and that access.ts names no other keys.
 */
export interface ObjectKind {
  readonly bucket: 'site' | 'federation';
  /** Its key. `<x>` stands for a name without slashes; `<stage>` may contain one slash. */
  readonly key: string;
  readonly what: string;
  /** `once`: created with `If-None-Match: *` and never written again. */
  readonly lifetime?: string;
  /** Files in docs/events/. */
  readonly examples?: readonly string[];
}

const site = (key: string, what: string, more: Partial<ObjectKind> = {}): ObjectKind => ({
  bucket: 'site',
  key,
  what,
  ...more,
});
const federation = (key: string, what: string, more: Partial<ObjectKind> = {}): ObjectKind => ({
  bucket: 'federation',
  key,
  what,
  ...more,
});

const ONCE = { lifetime: 'once' };
const REWRITTEN = { lifetime: 'rewritten' };
const HALF_A_YEAR = 'deleted after 180 days';
const TWO_ROUNDS = 'deleted two rounds later, at the latest after 180 days';
/** Prefix of a round's objects. */
export const ROUND_PREFIX = 'campaigns/<campaign>/<stage>/<round>/';
/** Prefix of what is agreed on before a stage with secure aggregation. */
const SETUP_PREFIX = 'campaigns/<campaign>/<stage>/setup/';
/** Prefix of what a round's merge gives all sites. */
const MODELS_PREFIX = 'models/<campaign>/<stage>/<round>/';
/** Prefix of what a site sends for a round. */
const UPDATES_PREFIX = 'updates/<site>/<campaign>/<stage>/<round>/';
const round = (name: string, what: string, more: Partial<ObjectKind> = {}) =>
  federation(`${ROUND_PREFIX}${name}`, what, more);
const update = (name: string, what: string, more: Partial<ObjectKind> = {}) =>
  federation(`${UPDATES_PREFIX}${name}`, what, more);

export const OBJECT_KINDS: readonly ObjectKind[] = [
  site('cases/<case>/image.nii.gz', 'CT in HU for training; `image.nii` too'),
  site('cases/<case>/labels/<task>.nii.gz', "class map on the CT's own grid"),
  site('cases/<case>/labels/<task>.mrk.json', 'landmarks as 3D Slicer markups'),
  site('held-out/<case>/image.nii.gz', 'CT that is only scored'),
  site('held-out/<case>/labels/<task>.nii.gz', 'its class map'),
  site('held-out/<case>/labels/<task>.mrk.json', 'its landmarks'),
  site('catalog/<case>.json', 'the accepted image and labels of a case', { examples: ['catalog.json'] }),
  site('rejected/<case>.json', 'faults of a case, and what to do', { examples: ['rejected.json'] }),
  site('rejected/strays/<hash>.json', 'the same for an object outside any case, by its key'),
  site('rescan/examined.json', 'digests of the cases that the last rescan found up to date', {
    ...REWRITTEN,
    examples: ['examined.json'],
  }),
  site('withdrawn/<hash>.json', 'that a case was withdrawn, by a hash of its name', { examples: ['withdrawn.json'] }),
  site(
    'lineage/<campaign>/<stage>/<round>.json',
    'which cases, by hashes, went into what the site sent for this round',
    {
      ...REWRITTEN,
      examples: ['lineage.json'],
    },
  ),
  site('sent/<campaign>/<stage>/<round>.json', 'what the site sent to the federation bucket for this round', {
    examples: ['sent-by-site.json'],
  }),
  site('policy.json', 'how the site decides on campaigns, and what may leave; without it, a person is asked', {
    ...REWRITTEN,
    examples: ['policy.json'],
  }),
  site('consents/<campaign>.json', "the site's answer to a campaign: asked, agreed, declined, withdrawn", {
    ...REWRITTEN,
    examples: ['consent.json'],
  }),
  site('privacy/ledger.json', 'what every round has released with differential privacy, over all campaigns', {
    ...REWRITTEN,
    examples: ['ledger.json'],
  }),
  site('privacy/secret.json', 'the secret that the site draws its noise from', {
    ...ONCE,
    examples: ['privacy-secret.json'],
  }),
  site('content/<fingerprint>.json', "which case has these HU, by its image's ETag", { examples: ['content.json'] }),
  site('pseudo-labels/<campaign>/<stage>/<task>/<case>.nii.gz', "a teacher's class map on the CT's own grid"),
  site(
    'pseudo-labels/<campaign>/<stage>/<task>/<case>.safetensors',
    "with `soft`: the teacher's class probabilities in the box that contains any foreground, F16 [class, z, y, x]",
  ),
  site(
    'pseudo-labels/<campaign>/<stage>/<task>/<case>.json',
    'confidence, checks, acceptance, points, which CT it belongs to, and a digest of what it follows from; written last',
    { examples: ['pseudo-label.json'] },
  ),
  site('checkpoints/<campaign>/<stage>/<round>/optimizer.safetensors', "AdamW's moments after this round", {
    lifetime: TWO_ROUNDS,
  }),
  site(
    'checkpoints/<campaign>/<stage>/<round>/local.safetensors',
    "what stays at the site after this round: local parameters, Ditto's personal model, SCAFFOLD's control variates",
    {
      lifetime: `${TWO_ROUNDS}; with \`keep: "best"\` after 180 days`,
    },
  ),
  site('unfinished/<campaign>/<stage>/<round>.safetensors', "a GPU task's checkpoint within this round", {
    lifetime: 'deleted when its update is published, or after two weeks',
  }),
  site('jobs/<campaign>/<stage>/<round>.json', "the Batch job of the round's GPU task", {
    lifetime: `rewritten; ${HALF_A_YEAR}`,
    examples: ['job.json'],
  }),
  site(
    'predictions/<campaign>/<model>/<case>/<task>.nii.gz',
    "class map of a held-out case, in a folder of the model's name (of its letters and a hash, if it has others than `A-Z a-z 0-9 _ . - /`); its `descrip` names release, model and voxels, and the purpose",
  ),
  site('identity/signing-key.json', 'the Ed25519 key that other sites know the site by', {
    ...ONCE,
    examples: ['signing-key.json'],
  }),
  site('identity/known/<site>.json', 'public key of another site, as it was first seen', {
    ...ONCE,
    examples: ['known-site.json'],
  }),
  site('secure/<campaign>/secret.json', 'what the masks of a campaign follow from', {
    lifetime: HALF_A_YEAR,
    examples: ['campaign-secret.json'],
  }),
  site('secure/<campaign>/<stage>/<attempt>/cohort.json', 'a cohort that the site takes part in', {
    lifetime: HALF_A_YEAR,
    examples: ['cohort.json'],
  }),
  site('secure/<campaign>/<stage>/masked-cohort.json', 'the cohort that the site masks its updates for, once it has', {
    lifetime: HALF_A_YEAR,
    examples: ['cohort.json'],
  }),
  site('secure/<campaign>/<stage>/<round>/endorsed.json', 'the one list of survivors that the site has endorsed', {
    lifetime: HALF_A_YEAR,
    examples: ['endorsed-list.json'],
  }),
  site('secure/<campaign>/<stage>/<round>/sent-<commitment>.json', 'a masked update that the site has sent', {
    lifetime: HALF_A_YEAR,
    examples: ['sent-masked.json'],
  }),

  site('unfinished/doctor/<id>', 'tries whether `fedcardio doctor` may write; deleted at once'),
  federation('doctor/<id>', 'the same in the federation bucket'),
  federation('tasks.json', "definitions of the federation's tasks; the default tasks without it", {
    ...REWRITTEN,
    examples: ['tasks.json'],
  }),
  federation('sites/<site>/summary.json', 'counts of cases and labels', { ...REWRITTEN, examples: ['summary.json'] }),
  federation('sites/<site>/consents/<campaign>.consent.json', "copy of the site's answer to a campaign", {
    ...REWRITTEN,
    examples: ['consent.json'],
  }),
  federation('sites/<site>/withdrawals/<id>.json', 'hashes of the updates that learnt from a case that was withdrawn', {
    ...REWRITTEN,
    examples: ['withdrawal-notice.json'],
  }),
  federation('campaigns/<campaign>/campaign.json', 'the campaign that a researcher requests', {
    examples: ['campaign.json'],
  }),
  federation('campaigns/<campaign>/plan.json', 'the same with all defaults', { ...ONCE, examples: ['plan.json'] }),
  federation('campaigns/<campaign>/control.json', 'when the campaign was paused', {
    ...REWRITTEN,
    examples: ['control.json'],
  }),
  federation('init/<campaign>/<sha256>.safetensors', 'imported weights that a stage starts from'),
  federation('campaigns/<campaign>/outcome.json', 'completed, failed or cancelled, and why', {
    ...ONCE,
    examples: ['outcome.json'],
  }),
  round('open.json', 'participants, quorum, deadline, hyper-parameters, base', { ...ONCE, examples: ['open.json'] }),
  round('sent.json', 'when GPU tasks were last sent, and to which sites', { ...REWRITTEN, examples: ['sent.json'] }),
  round('lease.json', 'owner and expiry of the merge', { ...REWRITTEN, examples: ['lease.json'] }),
  round('merge-job.json', 'the Batch job of a merge that is too large for a function', {
    ...REWRITTEN,
    examples: ['job.json'],
  }),
  round('state-<digest>.safetensors', "the server optimiser's moments after the round"),
  federation(`${SETUP_PREFIX}<attempt>/sites.json`, 'secure aggregation: the sites that are asked for keys', {
    ...ONCE,
    examples: ['setup.json'],
  }),
  federation(`${SETUP_PREFIX}<attempt>/cohort.json`, 'the sites whose updates are added up, and their keys', {
    ...ONCE,
    examples: ['cohort.json'],
  }),
  federation(`${SETUP_PREFIX}asked.json`, 'when sites were last asked for keys or shares', {
    ...REWRITTEN,
    examples: ['asked.json'],
  }),
  round('asked.json', 'when sites were last asked to endorse or to open shares', {
    ...REWRITTEN,
    examples: ['asked.json'],
  }),
  round('survivors.json', 'the masked updates that count, for the sites to endorse', {
    ...ONCE,
    examples: ['survivors.json'],
  }),
  round('endorsed.json', 'that enough sites have endorsed them, and what opens the masks', {
    ...ONCE,
    examples: ['endorsed.json'],
  }),
  round('opened.json', 'the secrets that remove the masks from the sum', { ...ONCE, examples: ['opened.json'] }),
  round('sum-<digest>.safetensors', 'the sum of the masked updates, I32 modulo 2³²'),
  round('mean-<digest>.safetensors', 'their mean without masks'),
  round('noise.json', "the seed of the round's noise, with differential privacy", {
    ...ONCE,
    examples: ['noise.json'],
  }),
  round('seal.json', 'the updates that count', { ...ONCE, examples: ['seal.json'] }),
  round('commit.json', "the round's result", { ...ONCE, examples: ['commit.json'] }),
  federation(`${MODELS_PREFIX}<digest>.safetensors`, 'the merged model of exactly these updates'),
  federation(`${MODELS_PREFIX}start.safetensors`, 'with differential privacy: what the first round started from'),
  federation(`${MODELS_PREFIX}merged.json`, 'which of these models the round published', {
    ...ONCE,
    examples: ['merged.json'],
  }),
  update('<sha256>.safetensors', "a site's weights, whole or as a difference, named by their bytes", ONCE),
  update('<sha256>.update.json', "the update's metadata; makes the update visible", {
    ...ONCE,
    examples: ['update.json', 'update-munich.json'],
  }),
  update('report.update.json', 'the same for stages without weights', ONCE),
  update('failed.update.json', 'a failure, in place of an update', {
    ...ONCE,
    examples: ['update-failed.json'],
  }),
  federation('updates/<site>/<campaign>/<stage>/setup/<attempt>/keys.step.json', "a site's public keys for a stage", {
    ...ONCE,
    examples: ['site-keys.json'],
  }),
  federation('updates/<site>/<campaign>/<stage>/setup/<attempt>/shares.step.json', 'sealed shares of its mask keys', {
    ...ONCE,
    examples: ['site-shares.json'],
  }),
  update('endorse.step.json', "a site's endorsement of the survivors", { ...ONCE, examples: ['endorsement.json'] }),
  update('reveal.step.json', 'the shares that a site opens', { ...ONCE, examples: ['reveal.json'] }),
  update('<id>.refusal.json', 'why this update can never be merged', {
    ...ONCE,
    examples: ['refusal.json'],
  }),
];

/** What an object of the federation bucket is, in words. */
export function whatIs(key: string): string {
  const named = OBJECT_KINDS.filter((kind) => kind.bucket === 'federation' && patternOf(kind).test(key));
  // `failed.update.json` is an `<sha256>.update.json` too: the longer text says more.
  const literal = (kind: ObjectKind) => kind.key.replace(/<\w+>/g, '').length;
  return named.toSorted((a, b) => literal(b) - literal(a))[0]?.what ?? 'unknown';
}

const patternOf = ({ key }: ObjectKind): RegExp =>
  new RegExp(
    `^${key
      .split(/(<\w+>)/)
      .map((part) =>
        part === '<stage>' ? '[^/]+(/[^/]+)?' : part.startsWith('<') ? '[^/]+' : part.replaceAll('.', '\\.'),
      )
      .join('')}$`,
  );
